"""The words under which handwritten documents have what a session has under its keys.

`import` recognizes a heading or a label by them; a project adds its own under `titles:` in
`handoff.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping

from handoff.session.titles import ChosenTitles, own_titles

SYNONYMS: Mapping[str, str] = {
    "summary": r"""
        executive summary, session summary, quick summary, brief summary, handoff
        summary, summary, tldr, tl dr, overview, session overview, at a glance,
        background, context, introduction, highlights, conclusion, bottom line, in
        short, big picture, purpose, abstract, in brief, key points, recap, situation,
        mission summary, the short version, what this is, what this covers, what
        happened, why this matters, scope, session context, high level, wrap up, what
        you need to know, outcome, outcomes, in a nutshell, result, need to know,
        briefing, debrief, status in one paragraph,
        zusammenfassung, überblick, kontext, hintergrund, résumé, contexte
        """,
    "goal": r"""
        session goal, session goals, goal, goals, session objective, session objectives,
        mission, session focus, focus, session purpose, main goal, primary goal,
        objective,
        ziel, ziele, objectif
        """,
    "checklist": r"""
        checklist, completion checklist, session checklist, completion status, task
        checklist, definition of done, task list, handoff checklist, tasks, task status
        """,
    "decisions": r"""
        key decisions, decisions made, decision, decisions, design decisions, decision
        log, decision matrix, go no go, technical decisions, architecture decisions,
        architectural decisions, choices made, rationale, trade offs, tradeoffs,
        options, options considered, alternatives, why we chose, key decisions made,
        decided, approach chosen, architecture decision, design decision, design
        choices, choices, agreed, agreements, resolved to,
        entscheidungen, entscheidung, décisions
        """,
    "findings": r"""
        key findings, critical findings, findings, finding, root cause, root causes,
        root cause analysis, what we found, what was found, discoveries, discovery, key
        discoveries, key discovery, investigation, investigation results, investigation
        findings, analysis, diagnosis, evidence, results, key results, observations,
        problem analysis, bugs found, issues found, issues discovered, problems found,
        what we discovered, validation results, audit, audit results, test results,
        backtest results, results summary, critical discovery, what went wrong, post
        mortem, research, deep dive, assessment, verification results, comparison,
        review, why it failed, mistakes, why it broke, things that bit us, retro,
        analysed, analyzed, what we saw, surprises, explanations, why,
        erkenntnisse, befunde, ergebnisse, constats, résultats
        """,
    "accomplished": r"""
        what was done, what we did, what i did, what we accomplished, what was
        accomplished, accomplishments, accomplished, work completed, completed work,
        completed, completed tasks, completed items, tasks completed, done, work done,
        achievements, key achievements, changes made, changes, code changes, key
        changes, what changed, implementation, implementation details, implementation
        summary, fixes applied, fixes, fix, the fix, bug fixes, bugs fixed, issues
        fixed, issues resolved, resolved, what was fixed, what we fixed, fixed,
        deployment, deployments, deployed, what was deployed, deployment summary,
        commits, commits made, commit, git commits, commit history, recent commits, key
        commits, solution, solutions, resolution, progress, session progress, progress
        summary, what got done, timeline, session timeline, work log, session log, log,
        features, new features, what was built, what we built, built, shipped, what
        shipped, deliverables, deliverable, tasks done, refactoring, migration,
        improvements, enhancements, released, what was implemented, implemented, work
        performed, this session, session work, today, pull requests, prs, merged, what
        was created, what was added, done this session, done and verified, phase
        completed, execution, activities, session outcomes, steps taken, what happened
        today, done today, session accomplishments, what went in, delivered, closed,
        erledigt, gemacht, was gemacht wurde, fait, réalisé
        """,
    "insights": r"""
        key learnings, lessons learned, learnings, lessons, key lessons, lesson, key
        insights, insights, insight, takeaways, key takeaways, gotchas, notes, note,
        important notes, things to know, worth knowing, key concepts, concepts, tips,
        what worked, patterns, key patterns, technical notes, technical details, how it
        works, how this works, architecture, system architecture, design, technical
        design, environment notes, knowledge, good to know, what we learned, what was
        learned, learned, best practices, important context, key context, critical
        context, domain knowledge, technical context, explanation, retrospective, what
        went well, reminders, remember, assumptions, glossary, definitions, retro,
        things that bit us, retrospectives
        """,
    "orchestrator": r"""
        current state, current status, status, system status, system state, pipeline
        status, where we are, state, deployment status, project status, backfill status,
        backfill progress, git state, git status, branch state, branch status, what is
        running, whats running, in progress, in flight, running processes, active
        processes, background processes, running, health, data state, data status, final
        state, final status, production status, production state, system health, overall
        status, status summary, environment status, service status, session status,
        where things stand, where we left off, what works, whats working, what is
        working, current situation, status update, repository state, state of the
        system, live status, snapshot, current progress, status at a glance, status
        table, where we stopped, what is live, live now, deployed state, jobs, running
        jobs
        """,
    "coverage": r"""
        coverage, data coverage, data quality, data completeness, completeness, coverage
        summary, test coverage, gaps, data gaps
        """,
    "files": r"""
        files changed, files modified, files created, key files, files, file, changed
        files, modified files, new files, created files, files updated, files touched,
        files added, file changes, files to know, files to read, files to review,
        related documentation, related docs, related documents, related files, related,
        documentation, documentation created, references, reference, reference
        documents, resources, where things live, where everything lives, key locations,
        file locations, locations, important locations, documents, document index, docs,
        important files, code locations, key code, file reference, links, quick links,
        useful links, artifacts, file inventory, reading list, read first, must read,
        see also, documents created, key documents, key references, scripts, scripts
        created, file structure, project structure, directory structure, code structure,
        supporting documents, sources, further reading, appendix, useful paths, paths,
        key paths, where things are, where to look, where everything is,
        dateien, geänderte dateien, fichiers, fichiers modifiés
        """,
    "commands": r"""
        verification commands, useful commands, commands, command, key commands, quick
        commands, how to verify, verification, how to run, how to test, testing,
        validation, tests, test, test plan, test commands, validation commands, quick
        reference, monitoring commands, monitoring, validation queries, queries, useful
        queries, key queries, verification queries, verification steps, validation
        steps, sql queries, sql, how to monitor, how to check, how to use, how to
        deploy, cheat sheet, runbook, deployment commands, deploy commands, deployment
        steps, usage, environment, environment setup, setup, configuration, config,
        health check, health checks, morning check, daily checks, quick check, quick
        checks, status check, check commands, command reference, quick status check,
        first commands, run this, verify, how to reproduce, reproduction, monitoring
        queries, procedure, procedures, installation, deploy instructions, deployment
        instructions, instructions, how to, steps to reproduce, check it, operations,
        bash history, worth keeping, run again, how to rerun, playbook, cli,
        befehle, commandes
        """,
    "actions": r"""
        action items, action item, actions, actions required, action required, owner
        actions, manual actions, user actions, required actions, follow up actions,
        waiting on, waiting for, owners, who does what, what to improve
        """,
    "do_not": r"""
        do not, donts, do nots, dont, what not to do, never, avoid, do not touch, guard
        rails, guardrails, hands off, off limits, dos and donts, what to avoid, rules,
        constraints, careful, pitfalls, nicht tun, not to do, please do not, dont touch,
        hard rules, parked do not touch,
        nicht anfassen, ne pas faire
        """,
    "tried": r"""
        already tried, what did not work, what didnt work, what failed, failed attempts,
        failed approaches, dead ends, attempted, attempts, what we tried, what was
        tried, things tried, ruled out, failed experiments, what did not help, what
        didnt help, what we will not try again, rejected approaches, abandoned
        """,
    "next": r"""
        next steps, next step, next session, next session priorities, next, whats next,
        what is next, what comes next, remaining work, remaining, remaining tasks,
        remaining items, todo, to do, todos, to dos, todo list, pending, pending work,
        pending tasks, pending items, outstanding, outstanding work, outstanding items,
        outstanding tasks, open items, open tasks, open work, open threads, whats left,
        what is left, what remains, future work, future improvements, future
        enhancements, future, priorities, priority, immediate actions, immediate next
        steps, immediate priorities, immediate tasks, immediate, recommended next steps,
        recommendations, recommendation, recommended actions, recommended, first moves,
        first steps, follow up, follow ups, followup, followups, next actions, next
        action, upcoming, roadmap, backlog, next priorities, next tasks, tasks for next
        session, next session tasks, next session checklist, next session plan, next
        session goals, for next session, for the next session, quick start, quickstart,
        quick start for next session, getting started, how to continue, how to resume,
        continue from here, resume, where to start, start here, how to start, open
        questions, questions, questions for next session, plan, action plan,
        implementation plan, execution plan, next phase, parked, parked items, deferred,
        deferred items, deferred work, not done, not started, incomplete, still to do,
        still open, whats open, what is open, open, short term, medium term, long term,
        p0, p1, p2, p3, handoff to next session, next chat, next agent, when you return,
        pick up here, tomorrow, this week, next week, optional, low priority, high
        priority, medium priority, critical priority, not yet done, unfinished,
        unfinished work, still needed, needed, strategy, options for next session,
        suggested next steps, after this, what to do next, what to do, opportunities,
        carry over, to pick up, going forward, continue with, to be done, where to go
        from here, what i would do next, what id do next, loose ends, later, to do next,
        left to do, when finished, afterwards, when unblocked, then, carryover, when it
        is finished, what we would do next, todo next time, next time, what to do in the
        next session, handoff to session, tasks for session, still missing, what is
        missing, what to do first, first thing, after that,
        nächste schritte, offene punkte, offen, nächste sitzung, prochaines étapes,
        à faire, prochaine session
        """,
    "objectives": r"""
        objectives, session objectives, next session objectives, goals for next session
        """,
    "prerequisites": r"""
        prerequisites, prerequisite, before you start, before starting, requirements,
        preconditions, pre flight, preflight checklist, pre requisites, dependencies
        """,
    "time": r"""
        time estimate, time estimates, estimated time, estimated effort, effort estimate
        """,
    "prompt": r"""
        copy paste, copy and paste, copy paste this, start prompt, starter prompt, next
        session prompt, prompt, prompts, prompt for next session, kickoff, kick off,
        kickoff prompt, kick off prompt, session prompt, chat prompt, new chat prompt,
        opening prompt, opening message, start message, starting message, handoff
        prompt, continuation prompt, resume prompt, paste this, paste the following, to
        continue paste this, message to paste, use this prompt, first message, prompt to
        use, agent prompt, how to start the next session, instructions for the next
        agent, instructions for next agent, instructions for next session, message for
        the next, message for next session, message to the next, ready to paste, message
        for the next session, message for the next agent, message for the next shift,
        instructions for the next session, message to the next session, briefing for the
        next agent, use this to start, session starter, continuation message
        """,
    "troubleshooting": r"""
        troubleshooting, known issues, known issue, known problems, known limitations,
        known bugs, limitations, issues, issue, problems, problem, the problem, problem
        statement, problem summary, blockers, blocker, blocking issues, blocked, blocked
        by, bugs, bug, risks, risk, risk assessment, rollback, rollback plan, rollback
        procedure, rollback instructions, roll back, if something goes wrong, if things
        go wrong, if something breaks, common issues, common problems, technical debt,
        tech debt, error handling, failure modes, failure, failures, contingency,
        contingency plan, errors, error, warnings, warning, concerns, emergency,
        emergency procedures, faq, support, debugging, debug, edge cases, caveats,
        alerts, remaining issues, outstanding issues, open issues, current issues,
        critical issues, issues encountered, challenges, challenges encountered,
        problems encountered, incident, symptoms, symptom, impact, mitigation,
        mitigations, workaround, workarounds, recovery, if it fails, help, problem cause
        fix, what can go wrong, traps, gotchas and fixes,
        bekannte probleme, probleme, risiken, problèmes connus, problèmes
        """,
    "metrics": r"""
        success criteria, success metrics, success criteria met, metrics, session
        metrics, statistics, session statistics, stats, session stats, key metrics,
        performance, performance metrics, kpis, token usage, time spent, duration, cost,
        costs, cost analysis, cost savings, model performance, numbers, key numbers, by
        the numbers, benchmarks, benchmark, quality metrics, acceptance criteria,
        criteria, thresholds, before after, before and after, time breakdown, session
        duration, expected results, expected outcomes, expected outcome, expected
        impact, targets, confidence level, performance results, quality assessment,
        deployment metrics, impact summary, savings, quality gates, quality, services
        and revisions, sums, tables, numbers so far, figures, scores, distribution,
        summary statistics, results table, groups,
        kennzahlen, métriques
        """,
    "closing": r"""
        end of session, session complete, sign off, document metadata, document info
        """,
    "header": r"""
        header, meta, session info, session information, session details, session metadata,
        metadata, handoff metadata, document information
        """,
}
"""By key of `titles`, its synonyms in lower case and without signs, separated by commas."""


def synonyms(key: str, chosen: ChosenTitles) -> tuple[str, ...]:
    """Every title that means `key`, those that the author chose first."""
    words = (each.strip() for each in SYNONYMS[key].split(","))
    return (*chosen.get(key, ()), *own_titles(key), *words)
