"""The patterns of secrets: one rule per kind, with the name used by findings and allowances.

Rules with a `detector` are those of detect-secrets, without the ones that also match
digests, hashes and slugs (entropy, keywords, `AP...`, `digits:token`). The others follow the
token formats that vendors publish: a fixed prefix, an alphabet and a length.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from handoff.base.patterns import lazy_pattern


class SecretRule(Struct, frozen=True):
    """What one kind of secret looks like."""

    hints: tuple[str, ...]
    """Every text in which the rule finds something contains one of them."""
    pattern: str = ""
    """Its last group that matched is the secret; the whole match without a group."""
    detector: str = ""
    """`module.Class` under `detect_secrets.plugins`, in place of a pattern."""
    shortest: int = 0
    """Characters without a space in the shortest text in which the rule finds something."""
    names: tuple[str, ...] = ()
    """In lower case: one of them ends what is before a `:` or `=`, spaces and quotes aside."""
    accepts: Callable[[str], bool] | None = None
    """Whether what the pattern found is a secret and not a placeholder; `None`: always."""


_REFERENCE = lazy_pattern(
    r"(?i)[$<{%*(\[~/.]|https?:|arn:|op:|vault|gcp:|projects/|secrets?[./]|env[.:]|os\.|config|settings"
    r"|.*(?:example|changeme|change-me|placeholder|redacted|dummy|xxxx|your[_-]|\.\.\.|\*\*\*|[()\[\]{}])"
)
_SLUG = lazy_pattern(r"[a-z]{2,}(?:[-_.][a-z0-9]+)+")


def is_random(value: str) -> bool:
    """Whether a value looks generated: not a reference, a placeholder or plain words."""
    if _REFERENCE.match(value) or _SLUG.fullmatch(value) or not re.search("[A-Za-z]", value):
        return False
    return bool(re.search("[0-9]", value)) or len(re.findall("[a-z][A-Z]", value)) > 2


def _tokens(**patterns: str) -> SecretRule:
    """A rule over vendors: for each the literal prefixes (`a_|b_`), a space, the rest."""
    split = {vendor: pattern.split(" ", 1) for vendor, pattern in patterns.items()}
    hints = [hint.replace("\\", "") for head, _ in split.values() for hint in head.split("|")]
    rest = "|".join(f"(?:{head}){tail}" for head, tail in split.values())
    return SecretRule(tuple(hints), rf"(?<![A-Za-z0-9_-])(?:{rest})", shortest=16)


# Repetitions are bounded: a value from a warehouse must not make a search slow.
_PASSWORD = r"(?!(?:pass|password|passwd|pwd|secret|token|example|redacted|hidden|user|x+)\W)"
_NAME = (
    r"(?:(?i:[a-z0-9_.-]{0,60}(?:(?:api|access|secret|private|signing|encryption|auth|account|master"
    r"|shared|service|app|application|license|admin|storage|webhook)[_-]?key"
    r"|(?<=[a-z0-9])[_-]?(?:secret|token)|passw(?:or)?d|pwd|passphrase))"
    r"|[A-Z][A-Z0-9_]{0,60}(?<!PUBLIC)(?<!PRIMARY)(?<!FOREIGN)(?<!PARTITION)(?<!SORT)(?<!CACHE)_KEY)"
)
"""A name whose end says that its value is secret: DB_PASSWORD, apiKey, client_secret."""
RULES: dict[str, SecretRule] = {
    "aws-access-key": SecretRule(
        (
            *("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws_", "AWS_", "aws-", "AWS-"),
            *("awsS", "awsA", "aws s", "AWS s", "AWS S", "aws k", "AWS k", "AWS K"),
        ),
        detector="aws.AWSKeyDetector",
    ),
    "azure-storage-key": SecretRule(
        ("AccountKey=",), detector="azure_storage_key.AzureStorageKeyDetector"
    ),
    "github-token": SecretRule(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), detector="github_token.GitHubTokenDetector"
    ),
    "gitlab-token": SecretRule(
        (
            *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-"),
            *("glimt-", "glptt-", "glagent-", "gloas-"),
        ),
        detector="gitlab_token.GitLabTokenDetector",
    ),
    "json-web-token": SecretRule(("eyJ",), detector="jwt.JwtTokenDetector"),
    "mailchimp-key": SecretRule(
        tuple(f"-us{n}" for n in range(1, 10)), detector="mailchimp.MailchimpDetector"
    ),
    "npm-token": SecretRule((":_authToken=",), detector="npm.NpmDetector"),
    "private-key": SecretRule(
        ("PRIVATE KEY", "PuTTY-User-Key"),
        r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|PuTTY-User-Key-File-[0-9]",
    ),
    "pypi-token": SecretRule(("pypi-Ag",), detector="pypi_token.PypiTokenDetector"),
    "sendgrid-key": SecretRule(("SG.",), detector="sendgrid.SendGridDetector"),
    "slack-token": SecretRule(("xox", "hooks.slack.com"), detector="slack.SlackDetector"),
    "square-secret": SecretRule(("sq0csp-",), detector="square_oauth.SquareOAuthDetector"),
    "stripe-key": SecretRule(("k_live_",), detector="stripe.StripeDetector"),
    "bearer-token": SecretRule(
        ("earer", "EARER", "uthorization", "UTHORIZATION"),
        r"(?i:\bbearer\s{1,3}|\bauthorization\b[\s\"'\\:=]{1,8}(?:basic|token)\s{1,3})"
        r"(?=[A-Za-z._~+/=-]{0,100}[0-9])([A-Za-z0-9._~+/=-]{16,})",
    ),
    "connection-string": SecretRule(
        ("://",),
        rf"[A-Za-z]://[^\s/:@\"'<>]{{0,100}}:{_PASSWORD}([^\s/:@\"'<>{{}}$*]{{1,200}})@",
    ),
    "password": SecretRule(
        ("assword=", "ASSWORD=", "pwd=", "Pwd=", "PWD="),
        # a digit, or else `password=config_password` in code would be one
        rf"(?i:password|pwd)=\\?[\"']?{_PASSWORD}"
        r"(?=[^\s\d]{0,100}\d)([^\s;,&\"'\\(){}\[\]<>$*]{6,200})(?=[\s;,&\"'\\)]|$)",
    ),
    "google-service-account": SecretRule(
        ("private_key_id",), r"private_key_id[\s\"'\\:=]{1,8}([0-9a-f]{40})\b"
    ),
    "google-api-key": SecretRule(
        ("AIza",), r"(?<![0-9A-Za-z])AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z])"
    ),
    "google-oauth-token": SecretRule(
        ("ya29.", "GOCSPX-", "1//0"),
        r"ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{28}|\b1//0[0-9A-Za-z_-]{40,}",
    ),
    "github-fine-grained-token": SecretRule(("github_pat_",), r"github_pat_[0-9A-Za-z_]{36,}"),
    "llm-key": SecretRule(
        ("sk-ant-", "sk-proj-", "T3BlbkFJ"),
        r"\bsk-ant-[0-9A-Za-z_-]{32,}|\bsk-proj-[0-9A-Za-z_-]{40,}"
        r"|\bsk-[A-Za-z0-9_-]{20,80}?T3BlbkFJ[A-Za-z0-9]{20}",
    ),
    "cloud-token": _tokens(
        digitalocean="do[opr]_v1_|dop_v1_|doo_v1_|dor_v1_ [a-f0-9]{64}",
        databricks="dapi [a-f0-9]{32}(?:-[0-9])?",
        vault="hvs\\.|hvb\\.|hvr\\. [A-Za-z0-9_-]{24,300}",
        alibaba="LTAI [A-Za-z0-9]{12,24}",
        tencent="AKID [A-Za-z0-9]{32}",
        yandex="AQVN|AQVN [A-Za-z0-9_-]{35,40}",
        heroku="HRKU-AA [A-Za-z0-9_-]{58}",
        netlify="nfp_ [A-Za-z0-9]{36}",
        render="rnd_ [A-Za-z0-9]{32}",
        fly="fo1_|fm1r_|fm1a_|fm2_ [A-Za-z0-9+/=_-]{43,300}",
        supabase="sbp_|sb_secret_ [A-Za-z0-9_-]{20,80}",
        planetscale="pscale_tkn_|pscale_pw_|pscale_oauth_ [A-Za-z0-9_.-]{32,64}",
        aiven="AVNS_ [A-Za-z0-9_-]{19}",
        cloudflare="v1\\.0- [a-f0-9]{24}-[a-f0-9]{146}",
        doppler="dp\\.pt\\.|dp\\.st\\.|dp\\.ct\\.|dp\\.sa\\. [A-Za-z0-9_.-]{40,80}",
        pulumi="pul- [a-f0-9]{40}",
        bedrock="ABSK [A-Za-z0-9+/]{109,200}={0,2}",
        tailscale="tskey- [a-z]{2,12}-[A-Za-z0-9]{8,40}(?:-[A-Za-z0-9]{16,60})?",
        onepassword="ops_eyJ [A-Za-z0-9+/=_-]{100,2000}",
        prefect="pnu_ [A-Za-z0-9]{36}",
        dbt="dbtc_|dbtu_ [A-Za-z0-9_-]{35,80}",
    ),
    "azure-secret": SecretRule(
        ("Q~", "AZDO", "SharedAccessKey="),
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])"
        r"|\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b|SharedAccessKey=([A-Za-z0-9+/]{43}=)",
    ),
    "terraform-token": SecretRule(
        (".atlasv1.",), r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"
    ),
    "package-registry-token": _tokens(
        npm="npm_ [A-Za-z0-9]{36}",
        docker="dckr_pat_|dckr_oat_ [A-Za-z0-9_-]{27,32}",
        rubygems="rubygems_ [a-f0-9]{48}",
        crates="cio [A-Za-z0-9]{32}(?![A-Za-z0-9])",
        nuget="oy2 [a-z0-9]{43}(?![A-Za-z0-9])",
        clojars="CLOJARS_ [a-z0-9]{60}",
        jfrog="AKCp|cmVmdGtu [A-Za-z0-9]{56,80}",
    ),
    "git-host-token": _tokens(
        gitlab="glffct-|glsoat-|glwt-|glrtr-|glcbt-|gldt-|glpat- [A-Za-z0-9_=.-]{20,300}",
        bitbucket="ATBB [A-Za-z0-9]{32}",
        sourcegraph="sgp_ (?:[A-Fa-f0-9]{16}_|local_)?[A-Fa-f0-9]{40}",
    ),
    "chat-token": _tokens(
        slack="xapp- [0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-[a-f0-9]{32,80}",
        discord="discord\\.com/api|discordapp\\.com/api /webhooks/\\d{17,20}/[\\w-]{60,80}",
        slack_hook="hooks\\.slack\\.com/ (?:services|workflows|triggers)/[A-Za-z0-9+/]{20,120}",
    ),
    "bot-token": SecretRule(
        (":AA", "M", "N", "O", "webhook.office.com"),
        r"(?<![A-Za-z0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"
        r"|(?<![A-Za-z0-9])[MNO][A-Za-z0-9]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![A-Za-z0-9_-])"
        r"|https://[a-z0-9-]{1,60}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,300}",
        shortest=44,
    ),
    "payment-key": _tokens(
        shopify="shpat_|shpca_|shppa_|shpss_ [a-fA-F0-9]{32}",
        braintree="access_token\\$production\\$ [0-9a-z]{16}\\$[0-9a-f]{32}",
        razorpay="rzp_live_ [A-Za-z0-9]{14}",
        flutterwave="FLWSECK- [a-z0-9]{32}-X",
        plaid="access-development-|access-production- [0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}",
        square="sq0atp- [A-Za-z0-9_-]{22}",
        stripe="whsec_ [A-Za-z0-9+/=]{24,64}",
        stripe_test="sk_test_|rk_test_ [A-Za-z0-9]{16,100}",
        shippo="shippo_live_|shippo_test_ [a-f0-9]{40}",
        easypost="EZAK|EZTK [A-Za-z0-9]{54}",
        duffel="duffel_live_|duffel_test_ [A-Za-z0-9_=-]{43}",
    ),
    "ai-key": _tokens(
        huggingface="hf_ [A-Za-z]{34}|hf_[A-Za-z0-9]{34}",
        groq="gsk_ [A-Za-z0-9]{52}",
        xai="xai- [A-Za-z0-9]{70,90}",
        perplexity="pplx- [A-Za-z0-9]{40,60}",
        replicate="r8_ [A-Za-z0-9]{37}",
        openrouter="sk-or-v1- [a-f0-9]{64}",
        openai="sk-svcacct-|sk-admin-|sk-None- [A-Za-z0-9_-]{40,200}",
        deepseek="sk- [a-f0-9]{32}(?![A-Za-z0-9])",
        together="tgp_v1_ [A-Za-z0-9_-]{43}",
        nvidia="nvapi- [A-Za-z0-9_-]{60,80}",
        langsmith="lsv2_pt_|lsv2_sk_ [a-f0-9]{32}_[a-f0-9]{10}",
        tavily="tvly- (?:dev-|prod-)?[A-Za-z0-9]{32}",
        pinecone="pcsk_ [A-Za-z0-9_]{40,80}",
        jina="jina_ [a-f0-9]{32}[A-Za-z0-9_-]{28}",
        elevenlabs="sk_ [a-f0-9]{48}(?![A-Za-z0-9])",
        fireworks="fw_ [A-Za-z0-9]{22,24}(?![A-Za-z0-9_])",
    ),
    "monitoring-key": _tokens(
        grafana="glsa_ [A-Za-z0-9]{32}_[A-Fa-f0-9]{8}",
        grafana_cloud="glc_ [A-Za-z0-9+/=]{32,400}",
        newrelic="NRAK-|NRJS-|NRII-|NRIQ- [A-Za-z0-9_-]{19,40}",
        sentry="sntrys_|sntryu_ [A-Za-z0-9+/=_]{40,400}",
        dynatrace="dt0c01\\. [A-Z0-9]{24}\\.[A-Z0-9]{64}",
        honeycomb="hcaik_|hcbik_|hcxik_ [a-z0-9]{58}",
        posthog="phx_ [A-Za-z0-9]{40,50}",
        sonar="squ_|sqp_|sqa_ [a-f0-9]{40}",
        logfire="pylf_v1_ [A-Za-z0-9_]{20,80}",
    ),
    "service-token": _tokens(
        atlassian="ATATT3|ATCTT3 [A-Za-z0-9_=-]{100,300}",
        notion="ntn_ [A-Za-z0-9]{40,50}",
        linear="lin_api_ [A-Za-z0-9]{40}",
        figma="figd_ [A-Za-z0-9_-]{40}",
        postman="PMAK- [a-f0-9]{24}-[a-f0-9]{34}",
        typeform="tfp_ [A-Za-z0-9_.=-]{40,80}",
        hubspot="pat-na1-|pat-eu1- [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        contentful="CFPAT- [A-Za-z0-9_-]{43}",
        mailgun="key- [a-f0-9]{32}(?![A-Za-z0-9])",
        brevo="xkeysib- [a-f0-9]{64}-[A-Za-z0-9]{16}",
        resend="re_ [A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
        twilio="SK [a-f0-9]{32}(?![A-Za-z0-9])",
        buildkite="bkua_ [a-f0-9]{40}",
        circleci="CCIPAT_ [A-Za-z0-9]{22}_[a-f0-9]{40}",
        airtable="pat [A-Za-z0-9]{14}\\.[a-f0-9]{64}",
        frameio="fio-u- [A-Za-z0-9_=-]{64}",
    ),
    "key-file": SecretRule(
        (
            "AGE-SECRET-KEY-1",
            "nsec1",
            "minisign encrypted secret key",
            "signify secret key",
            "PrivateKey",
        ),
        r"AGE-SECRET-KEY-1[0-9A-Z]{58}|\bnsec1[a-z0-9]{58}\b"
        r"|untrusted comment: (?:minisign encrypted|signify) secret key"
        r"|\bPrivateKey\s?=\s?([A-Za-z0-9+/]{43}=)",
    ),
    "signed-url": SecretRule(
        ("sig=", "ignature=", "X-Amz-Security-Token="),
        r"[?&;](?:sig|X-Amz-Signature|X-Goog-Signature|X-Amz-Security-Token|Signature)="
        r"([A-Za-z0-9%+/_~-]{32,2000}(?:%3D|=){0,2})",
    ),
    "url-token": SecretRule(
        ("_key=", "apikey=", "token=", "secret=", "password="),
        r"[?&](?:access_token|api_key|apikey|auth_token|token|client_secret|secret|password)="
        r"([A-Za-z0-9._~-]{12,400})",
        accepts=is_random,
    ),
    "secret-assignment": SecretRule(
        (
            *("ecret", "ECRET", "oken", "OKEN", "assw", "ASSW", "pwd", "PWD", "assphrase"),
            *("ASSPHRASE", "key", "KEY", "Key"),
        ),
        rf"(?<![A-Za-z0-9_.$-]){_NAME}[\"']?(?:"
        r"\s{0,3}[:=]{1,2}\s{0,3}[\"']([^\s\"'{}$<>()]{6,400})[\"']"
        r"|=([^\s\"'`,;{}$<>()\[\]|*]{8,400})|:\s{1,3}([^\s\"'`,;{}$<>()\[\]|*]{8,400})(?=[\s,\"'`]|$))",
        names=("key", "secret", "token", "password", "passwd", "pwd", "passphrase"),
        accepts=is_random,
    ),
    "command-line-password": SecretRule(
        (
            " -u",
            "--user",
            "--proxy-user",
            "--password",
            "--token",
            "--api-key",
            "-secret",
            "sshpass",
        ),
        r"\s(?:-u|--user|--proxy-user)[\s=]?[\"']?[A-Za-z0-9._@+-]{1,80}:([^\s\"'<>*/]{6,200})(?=[\s\"']|$)"
        r"|\s--(?:password|token|api-key|client-secret|secret|auth-token)[\s=][\"']?([^\s\"'<>*`]{6,400})"
        r"|\bsshpass\s{1,3}-p\s?[\"']?([^\s\"'<>*]{4,200})",
        accepts=is_random,
    ),
}
"""By the name that findings and allowances use."""
