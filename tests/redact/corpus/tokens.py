# SPDX-License-Identifier: Apache-2.0
"""Secrets of known form: what a vendor or a standard says such a token looks like."""

import base64
import dataclasses
import hashlib
import hmac
import json
import random
import string
import uuid
import zlib

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = LOWER + UPPER + DIGITS
BASE62 = DIGITS + UPPER + LOWER
URLSAFE = ALNUM + "-_"
HEX = DIGITS + "abcdef"


@dataclasses.dataclass
class Secret:
    """text is what stands in a place; hide are the strings of it that may stand nowhere afterwards, and others
    may go with them."""

    text: str
    name: str = ""  # a variable its users keep it in
    hide: list = None
    others: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.hide = self.hide or [self.text]


def pick(r, chars, n):
    return "".join(r.choices(chars, k=n))


def base64_of(r, n, url=False):
    data = r.randbytes(n)
    return (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()


def unpadded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def base62(n, width):
    s = ""
    while n:
        n, d = divmod(n, 62)
        s = BASE62[d] + s
    return s.rjust(width, "0")


def checked(prefix, body):
    """GitHub's form, also npm's: the last six characters are the CRC-32 of the others, in base 62."""
    return prefix + body + base62(zlib.crc32(body.encode()), 6)


def some_uuid(r):
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


# --- vendors: class -> (name of a variable, what makes one) ---------------------------------------------

def github(r):
    prefix = r.choice(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"])
    return checked(prefix, pick(r, ALNUM, 70 if prefix == "ghr_" else 30))


def gitlab(r):
    return r.choice([
        lambda: "glpat-" + pick(r, URLSAFE, 20), lambda: "gldt-" + pick(r, URLSAFE, 20),
        lambda: "glrt-" + pick(r, URLSAFE, 20), lambda: "glptt-" + pick(r, HEX, 40),
        lambda: "glpat-" + pick(r, URLSAFE, 27) + "." + pick(r, DIGITS + LOWER, 2) + "." + pick(r, DIGITS + LOWER, 9),
        lambda: "glcbt-" + pick(r, HEX, 2) + "_" + pick(r, URLSAFE, 20), lambda: "glsoat-" + pick(r, URLSAFE, 20),
    ])()


def slack(r):
    team, user = str(r.randrange(10**11, 10**13)), str(r.randrange(10**11, 10**13))
    return r.choice([
        lambda: f"xoxb-{team}-{user}-{pick(r, ALNUM, 24)}",
        lambda: f"xoxp-{team}-{user}-{r.randrange(10**12, 10**13)}-{pick(r, HEX, 32)}",
        lambda: f"xapp-1-A{pick(r, UPPER + DIGITS, 10)}-{r.randrange(10**12, 10**13)}-{pick(r, HEX, 64)}",
        lambda: f"xoxe.xoxp-1-{base64_of(r, 123, True).rstrip('=')}",
    ])()


def slack_webhook(r):
    tail = f"T{pick(r, UPPER + DIGITS, 10)}/B{pick(r, UPPER + DIGITS, 10)}/{pick(r, ALNUM, 24)}"
    return Secret(f"https://hooks.slack.com/services/{tail}", "SLACK_WEBHOOK_URL", [tail.rsplit("/", 1)[1]])


def stripe(r):
    return r.choice(["sk_live_", "rk_live_", "sk_test_"]) + pick(r, ALNUM, r.choice([24, 99]))


def openai(r):
    n = r.choice([0, 0, 1])
    if n:
        return f"sk-{pick(r, ALNUM, 20)}T3BlbkFJ{pick(r, ALNUM, 20)}"
    kind = r.choice(["proj", "svcacct", "admin"])
    return f"sk-{kind}-{pick(r, URLSAFE, 74)}T3BlbkFJ{pick(r, URLSAFE, 74)}"


def anthropic(r):
    return f"sk-ant-{r.choice(['api03', 'admin01', 'oat01'])}-{pick(r, URLSAFE, 93)}AA"


def discord(r):
    user = unpadded(str(r.randrange(10**17, 10**18)).encode())
    return f"{user}.{pick(r, URLSAFE, 6)}.{pick(r, URLSAFE, r.choice([27, 38]))}"


def azure_storage(r):
    key = base64_of(r, 64)
    account = pick(r, LOWER, 8)
    return Secret(f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={key};"
                  "EndpointSuffix=core.windows.net", "AZURE_STORAGE_CONNECTION_STRING", [key])


def azure_sas(r):
    sig = base64_of(r, 32).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return Secret(f"https://{pick(r, LOWER, 8)}.blob.core.windows.net/{pick(r, LOWER, 5)}/report.csv?sv=2022-11-02&"
                  f"ss=b&srt=sco&sp=rwdl&se=2026-03-0{r.randrange(1, 9)}T10%3A00%3A00Z&spr=https&sig={sig}",
                  "BLOB_URL", [sig])


def aws_presigned(r):
    key, sig = "AKIA" + pick(r, UPPER + "234567", 16), pick(r, HEX, 64)
    return Secret(f"https://bucket-{pick(r, LOWER, 4)}.s3.eu-west-1.amazonaws.com/in/{pick(r, LOWER, 6)}.parquet?"
                  f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F20260301%2Feu-west-1%2Fs3%2Faws4_request&"
                  f"X-Amz-Date=20260301T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature={sig}",
                  "DOWNLOAD_URL", [sig], [key])


def vault(r):
    return r.choice(["hvs.", "hvb."]) + "CAES" + pick(r, URLSAFE, r.choice([91, 120]))


def pypi(r):
    # a macaroon that begins with the location "pypi.org"
    return "pypi-AgEIcHlwaS5vcmc" + pick(r, URLSAFE, r.choice([150, 180]))


def heroku(r):
    return r.choice([lambda: "HRKU-" + some_uuid(r), lambda: "HRKU-AA" + pick(r, URLSAFE, 58)])()


def grafana(r):
    if r.random() < 0.3:
        return "glc_" + base64.b64encode(json.dumps(
            {"o": str(r.randrange(10**6)), "n": "stack", "k": pick(r, ALNUM, 24), "m": {"r": "eu"}}).encode()).decode()
    body = pick(r, ALNUM, 32)
    return f"glsa_{body}_{zlib.crc32(body.encode()):08x}"


def notion(r):
    return r.choice(["ntn_" + pick(r, DIGITS, 11) + pick(r, ALNUM, 35), "secret_" + pick(r, ALNUM, 43)])


def atlassian(r):
    body = "ATATT3xFfGF0" + pick(r, URLSAFE, 172)
    return f"{body}={zlib.crc32(body.encode()):08X}"


def gcp_service_account(r):
    key = pem(r, "PRIVATE KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", 1624)
    project = f"proj-{pick(r, LOWER, 5)}-{r.randrange(10**5)}"
    account = {"type": "service_account", "project_id": project, "private_key_id": pick(r, HEX, 40),
               "private_key": key.text, "client_email": f"robot@{project}.iam.gserviceaccount.com",
               "client_id": str(r.randrange(10**20, 10**21)), "token_uri": "https://oauth2.googleapis.com/token"}
    return Secret(json.dumps(account, indent=r.choice([None, 2])), "GOOGLE_APPLICATION_CREDENTIALS_JSON", key.hide,
                  [account["client_email"], account["private_key_id"]])


VENDORS = {
    "github": ("GITHUB_TOKEN", github),
    "github-fine": ("GH_TOKEN", lambda r: f"github_pat_11{pick(r, UPPER + DIGITS, 20)}_{pick(r, ALNUM, 59)}"),
    "gitlab": ("GITLAB_TOKEN", gitlab),
    "aws-key-id": ("AWS_ACCESS_KEY_ID", lambda r: r.choice(["AKIA", "ASIA"]) + pick(r, UPPER + "234567", 16)),
    "aws-presigned": ("", aws_presigned),
    "gcp-api-key": ("GOOGLE_API_KEY", lambda r: "AIza" + "Sy" + pick(r, URLSAFE, 33)),
    "gcp-oauth-secret": ("GOOGLE_CLIENT_SECRET", lambda r: "GOCSPX-" + pick(r, URLSAFE, 28)),
    "gcp-service-account": ("", gcp_service_account),
    "azure-client-secret": ("AZURE_CLIENT_SECRET", lambda r: pick(r, ALNUM, 3) + r.choice("78") + "Q~" + pick(
        r, ALNUM + "_~.-", 34)),
    "azure-storage": ("", azure_storage),
    "azure-sas": ("", azure_sas),
    "slack": ("SLACK_BOT_TOKEN", slack),
    "slack-webhook": ("", slack_webhook),
    "stripe": ("STRIPE_SECRET_KEY", stripe),
    "twilio": ("TWILIO_API_KEY", lambda r: "SK" + pick(r, HEX, 32)),
    "sendgrid": ("SENDGRID_API_KEY", lambda r: f"SG.{pick(r, URLSAFE, 22)}.{pick(r, URLSAFE, 43)}"),
    "npm": ("NPM_TOKEN", lambda r: checked("npm_", pick(r, ALNUM, 30))),
    "pypi": ("TWINE_PASSWORD", pypi),
    "docker": ("DOCKERHUB_TOKEN", lambda r: "dckr_pat_" + pick(r, URLSAFE, 27)),
    "huggingface": ("HF_TOKEN", lambda r: "hf_" + pick(r, LOWER + UPPER, 34)),
    "openai": ("OPENAI_API_KEY", openai),
    "anthropic": ("ANTHROPIC_API_KEY", anthropic),
    "digitalocean": ("DIGITALOCEAN_TOKEN", lambda r: r.choice(["dop_v1_", "doo_v1_", "dor_v1_"]) + pick(r, HEX, 64)),
    "heroku": ("HEROKU_API_KEY", heroku),
    "databricks": ("DATABRICKS_TOKEN", lambda r: "dapi" + pick(r, HEX, 32) + r.choice(["", "-2"])),
    "vault": ("VAULT_TOKEN", vault),
    "telegram": ("TELEGRAM_BOT_TOKEN", lambda r: f"{r.randrange(10**8, 10**10)}:AA{pick(r, URLSAFE, 33)}"),
    "discord": ("DISCORD_TOKEN", discord),
    "shopify": ("SHOPIFY_ACCESS_TOKEN", lambda r: r.choice(["shpat_", "shpca_", "shppa_", "shpss_"]) + pick(r, HEX, 32)),
    "linear": ("LINEAR_API_KEY", lambda r: "lin_api_" + pick(r, ALNUM, 40)),
    "notion": ("NOTION_API_KEY", notion),
    "figma": ("FIGMA_TOKEN", lambda r: "figd_" + pick(r, URLSAFE, 40)),
    "atlassian": ("ATLASSIAN_API_TOKEN", atlassian),
    "grafana": ("GRAFANA_TOKEN", grafana),
    "newrelic": ("NEW_RELIC_API_KEY", lambda r: "NRAK-" + pick(r, UPPER + DIGITS, 27)),
    "postman": ("POSTMAN_API_KEY", lambda r: f"PMAK-{pick(r, HEX, 24)}-{pick(r, HEX, 34)}"),
    "mailgun": ("MAILGUN_API_KEY", lambda r: f"key-{pick(r, HEX, 32)}"),
    "cloudflare-ca": ("CF_ORIGIN_CA_KEY", lambda r: f"v1.0-{pick(r, HEX, 24)}-{pick(r, HEX, 146)}"),
    "age": ("AGE_KEY", lambda r: "AGE-SECRET-KEY-1" + pick(r, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
}

# Those whose form shows nothing: known by the name their vendor's documents give them.
NAMED = {
    "aws-secret": (["aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "secretAccessKey", "SecretAccessKey"],
                   lambda r: base64_of(r, 30)),
    "aws-session": (["aws_session_token", "AWS_SESSION_TOKEN", "SessionToken", "sessionToken"],
                    lambda r: "IQoJb3JpZ2luX2Vj" + base64_of(r, 240)),
    "datadog": (["DD_API_KEY", "DD_APP_KEY", "DATADOG_API_KEY", "DD-API-KEY"], lambda r: pick(r, HEX, r.choice([32, 40]))),
    "twilio-auth": (["TWILIO_AUTH_TOKEN", "authToken", "auth_token"], lambda r: pick(r, HEX, 32)),
    "oauth": (["access_token", "refresh_token", "id_token", "client_secret", "clientSecret", "refreshToken",
               "code_verifier"], lambda r: pick(r, URLSAFE, r.choice([32, 43, 64]))),
    "generic-key": (["api_key", "apiKey", "API_KEY", "x-api-key", "apikey", "secret_key", "SECRET_KEY", "app_secret",
                     "webhook_secret", "signing_secret", "encryption_key", "private_key", "SESSION_SECRET", "JWT_SECRET",
                     "consumerSecret", "bot_token", "deploy_token", "SECRET_KEY_BASE", "master_key", "licenseKey"],
                    lambda r: pick(r, r.choice([HEX, ALNUM, URLSAFE]), r.choice([16, 20, 24, 32, 40, 64]))),
}

WORDS = ("summer winter dragon monkey orange castle silver hunter master letter coffee banana purple thunder rocket "
         "garden window bridge flower tiger").split()


def password(r):
    """What people choose, and what a manager makes."""
    return r.choice([
        lambda: r.choice(WORDS).capitalize() + str(r.randrange(10, 9999)) + r.choice("!?$*#"),
        lambda: r.choice(WORDS) + str(r.randrange(10, 9999)),
        lambda: "-".join(r.sample(WORDS, 3)) + str(r.randrange(10)),
        lambda: pick(r, ALNUM + "!#%*+-_=?.", r.choice([10, 12, 16, 20])) + r.choice(DIGITS),
        lambda: "P@ssw0rd" + str(r.randrange(1000, 99999)),
    ])()


PASSWORD_NAMES = ["password", "PASSWORD", "passwd", "pwd", "db_password", "DB_PASSWORD", "dbPassword", "user_password",
                  "passphrase", "MYSQL_ROOT_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "SMTP_PASS", "PGPASSWORD",
                  "adminPassword", "new_password", "oldPassword", "secret", "credentials", "root_pw"]


# --- standards --------------------------------------------------------------------------------------------

def wrapped(text, n=64):
    return [text[i:i + n] for i in range(0, len(text), n)]


def pem(r, label, head, n, fields=()):
    """RFC 7468; the body's lines are the secret, wherever the line ends go."""
    lines = wrapped(head + pick(r, ALNUM + "+/", n - len(head)))
    whole = [f"-----BEGIN {label}-----", *fields, *lines, f"-----END {label}-----"]
    return Secret("\n".join(whole) + "\n", "PRIVATE_KEY_PEM", lines)


def private_key(r):
    return r.choice([
        lambda: pem(r, "RSA PRIVATE KEY", "MIIEpAIBAAKCAQEA", 1592), lambda: pem(r, "EC PRIVATE KEY", "MHcCAQEEI", 164),
        lambda: pem(r, "PRIVATE KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", 1624),
        lambda: pem(r, "ENCRYPTED PRIVATE KEY", "MIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkqhkiG9w0BBQww", 1736),
        lambda: pem(r, "RSA PRIVATE KEY", "MIIE", 1596,
                    ["Proc-Type: 4,ENCRYPTED", f"DEK-Info: AES-256-CBC,{pick(r, '0123456789ABCDEF', 32)}", ""]),
        lambda: pem(r, "DSA PRIVATE KEY", "MIIBugIBAAKBgQ", 600),
    ])()


def ssh_key(r):
    s = pem(r, "OPENSSH PRIVATE KEY", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB", r.choice([344, 1820]))
    s.name = "SSH_KEY"
    return s


def pgp_key(r):
    return pem(r, "PGP PRIVATE KEY BLOCK", "lQPGBG", 1800, [""] if r.random() < 0.5 else ["Version: GnuPG v2", ""])


def jwt(r):
    alg = r.choice(["HS256", "RS256", "ES256"])
    head = {"alg": alg, "typ": "JWT"} | ({"kid": pick(r, ALNUM, 20)} if r.random() < 0.5 else {})
    now = 1767225600 + r.randrange(10**7)
    claims = {"sub": str(r.randrange(10**9)), "name": f"{r.choice(WORDS)} {r.choice(WORDS)}", "iat": now,
              "exp": now + 3600, "iss": f"https://{r.choice(WORDS)}.example.com/"}
    signed = ".".join(unpadded(json.dumps(x, separators=(",", ":")).encode()) for x in (head, claims))
    n = {"HS256": 32, "RS256": 256, "ES256": 64}[alg]
    sig = hmac.digest(r.randbytes(32), signed.encode(), hashlib.sha256) if n == 32 else r.randbytes(n)
    return f"{signed}.{unpadded(sig)}"


FORMS = {
    "private-key": private_key,
    "ssh-key": ssh_key,
    "pgp-key": pgp_key,
    "jwt": lambda r: Secret(jwt(r), "ID_TOKEN"),
}
