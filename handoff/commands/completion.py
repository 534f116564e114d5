"""`completion`: print the script for completion in a shell.

The scripts use Typer's protocol (`COMP_WORDS`, `COMP_CWORD`, `_HANDOFF_COMPLETE`), but not
Typer's scripts: those split values at spaces and expand globs in them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from handoff.base.problems import UsageError, nearest
from handoff.commands import console

SCRIPTS = {
    "bash": """\
# handoff completion bash; in ~/.bashrc: eval "$(handoff completion bash)"
_handoff() {
    local line IFS=$'\\n'
    COMPREPLY=()
    while IFS= read -r line; do
        [ -n "$line" ] && COMPREPLY+=("$line")
    done < <(COMP_WORDS="${COMP_WORDS[*]:0:COMP_CWORD+1}" COMP_CWORD=$COMP_CWORD \\
        _HANDOFF_COMPLETE=complete_bash "$1" 2>/dev/null)
}
complete -o filenames -o default -F _handoff handoff
""",
    "zsh": """\
#compdef handoff
# handoff completion zsh; in ~/.zshrc, after compinit: source <(handoff completion zsh)
_handoff() {
    local -a found inner
    found=("${(@f)$(COMP_WORDS="${(F)words[1,CURRENT]}" COMP_CWORD=$((CURRENT - 1)) \\
        _HANDOFF_COMPLETE=complete_bash handoff 2>/dev/null)}")
    inner=(${(M)found:#*.})
    found=(${found:#*.})
    compadd -S '' -a inner
    compadd -a found
}
compdef _handoff handoff
""",
    "fish": """\
# handoff completion fish; in ~/.config/fish/config.fish: handoff completion fish | source
function __handoff_complete
    set -l words (commandline -opc | string escape) (commandline -ct)
    COMP_WORDS=(string join \\n -- $words) COMP_CWORD=(math (count $words) - 1) \\
        _HANDOFF_COMPLETE=complete_bash handoff 2>/dev/null
end
complete -c handoff -f -a '(__handoff_complete)'
""",
}


def completion(
    shell: Annotated[
        str,
        typer.Argument(
            metavar="SHELL",
            help="Shell to print the script for: bash, zsh or fish.",
            autocompletion=lambda: SCRIPTS,
        ),
    ],
) -> int:
    """Completes commands, options, sessions, queries, fields and formats."""
    if shell not in SCRIPTS:
        known = nearest(shell, SCRIPTS) or f", expected {' or '.join(SCRIPTS)}"
        raise UsageError(f"no completion for '{shell}'{known}")
    console.out(SCRIPTS[shell])
    return 0
