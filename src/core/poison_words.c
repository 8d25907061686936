/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poison_words.c - what orders to a model are made of, in ten languages
 *
 * Folded before use (poison_fold.c): case, accents, '-' and '_' are of no matter. Chosen by hand
 * from published attacks on tool descriptions and from what their translations say; each is
 * harmless alone.
 */
#include "core/poison_priv.h"

/* clang-format off */
static const char *const t_override[] = {
	"ignore", "ignoring", "disregard*", "forget", "override*", "overrule*", "bypass",
	"do not follow", "dont follow", "not follow", "stop following", "no longer follow",
	"do not obey", "supersede*", "set aside", "ignora", "ignorar", "ignoren", "olvida",
	"olvide", "haz caso omiso", "ignorez", "oublie", "oubliez", "ne tiens pas compte",
	"ignoriere*", "vergiss", "vergessen sie", "missachte*", "esqueça", "esquece",
	"desconsidere", "desconsidera", "dimentica", "忽略", "忽视", "无视", "無視", "忘记",
	"不要遵守", "不理会", "忘れ", "игнорир*", "проигнорир*", "забудь*",
	"не обращай внимания", "не следуй",
};
static const char *const t_prior[] = {
	"your safety", "your guidelines", "your instructions", "your system prompt",
	"your rules", "your previous", "your restrictions", "your training", "previous",
	"previously", "prior", "earlier", "above", "preceding", "all other", "any other",
	"existing", "original", "so far", "been told", "before this", "initial", "whatever the",
	"anteriores", "anterior", "previas", "previos", "précédent*", "antérieur*", "vorherig*",
	"bisherig*", "früher*", "obig*", "vorangegangen*", "prévias", "precedenti", "之前",
	"以前", "先前", "前面", "上面", "所有", "これまで", "上記", "すべての",
	"предыдущ*", "прежн*", "все остальные", "ранее",
};
static const char *const t_instr[] = {
	"instruction*", "directive*", "guideline*", "rules", "system prompt", "prompts",
	"constraints", "your orders", "restrictions", "safeguards", "safety",
	"what you have been told", "you have been told", "been told before", "instrucciones",
	"indicaciones", "reglas", "consignes", "règles", "anweisung*", "regeln", "vorgaben",
	"instruktionen", "instruções", "regras", "istruzioni", "指令", "指示", "规则", "命令",
	"提示词", "ルール", "プロンプト", "инструкци*", "указани*", "правил*",
};
static const char *const t_not[] = {
	"do not", "dont", "never", "must not", "should not", "may not", "shall not", "will not",
	"cannot", "without", "no need", "need not", "does not need", "doesnt need", "avoid",
	"refrain from", "not", "nor", "no", "nunca", "sin", "jamás", "ne", "sans", "jamais",
	"pas", "nicht", "nichts", "kein*", "niemals", "ohne", "não", "nao", "sem", "non",
	"不要", "不得", "请勿", "切勿", "不能", "无需", "不必", "不可", "别", "ないで",
	"ません", "せずに", "しない", "不要に", "не", "нельзя", "никогда", "без",
};
static const char *const t_tell[] = {
	"tell", "telling", "mention", "mentioning", "inform", "informing", "reveal", "disclose",
	"notify", "notifying", "show", "display", "explain", "say", "alert", "warn", "discuss",
	"discussed", "bring it up", "bring this up", "let the user know", "let them know",
	"know about", "to know", "see this", "notice", "report to", "acknowledge", "point out",
	"talk about", "speak of", "digas", "decir", "cuentes", "menciones", "informes",
	"informar", "reveles", "muestres", "avises", "avisar", "dis", "dire", "informer",
	"mentionne*", "révéler", "parler", "parle", "sag", "sage", "sagen", "erwähn*",
	"mitteil*", "informier*", "verrat*", "zeig*", "conte", "diga", "mencione", "informe",
	"revele", "avise", "mostre", "告诉", "告知", "提及", "透露", "通知", "显示", "提到",
	"知らせ", "伝え", "教え", "言わ", "言及", "говори*", "сообщай*", "сообщать",
	"сообщи", "упоминай*", "рассказывай*", "уведомля*", "показывай*",
};
static const char *const t_user[] = {
	"the user", "users", "user", "human", "the person", "customer", "the developer",
	"usuario", "utilisateur", "benutzer*", "nutzer*", "anwender*", "usuário", "utente",
	"用户", "使用者", "ユーザー", "利用者", "пользовател*",
};
static const char *const t_conceal[] = {
	"leave this out", "leave it out of", "out of your answer",
	"not be bothered", "not be told", "to be told", "without saying so", "without saying",
	"dont mention it", "do not mention it", "do not mention this", "dont mention this",
	"never mention it", "never mention this", "never mention the", "do not say that you",
	"tell nobody", "tell no one", "not necessary to tell", "not scary", "do not show this",
	"hide it", "hidden instruction*", "unseen", "silently", "secretly", "quietly",
	"covertly", "stealthily", "in secret", "without telling", "without the users knowledge",
	"without the user knowing", "without the user noticing", "without informing",
	"without mentioning", "without notifying", "without a word", "behind the scenes",
	"keep this hidden", "keep it hidden", "keep this secret", "keep it secret",
	"keep them secret", "keep this confidential", "hide this", "hide it from",
	"hide the fact", "secret from the user", "hidden from the user", "from the users view",
	"could upset", "would upset", "might upset", "user might get", "confuse the user",
	"frustrated", "not be visible to", "need not know", "not need to know",
	"no need to let", "without a trace", "leave no trace", "discreetly", "unnoticed",
	"in the background and", "between us", "must not see", "never see", "never show the",
	"do not log", "not to be discussed", "in your answers", "in your final answer",
	"in your reply", "en secreto", "a escondidas", "sin que el usuario", "sin decir",
	"discrètement", "en secret", "sans en informer", "à l'insu", "heimlich", "unbemerkt",
	"ohne dass der", "verschweige", "em segredo", "sem que o usuário", "escondido do",
	"秘密地", "悄悄", "暗中", "偷偷", "保密", "こっそり", "密かに", "内緒", "秘密に",
	"тайно", "незаметно", "втайне", "скрытно", "скрой", "не показывая",
};
static const char *const t_file[] = {
	"dot env", "dotenv", ".ssh/", "~/.ssh", "secrets.yaml", ".git credentials",
	"google credentials", "gcloud", ".ssh", "id_rsa", "id_ed25519", "id_ecdsa", "mcp.json",
	".env", ".aws/", ".aws credentials", "aws credentials", ".kube/", ".netrc", ".npmrc",
	".pypirc", ".pem", "authorized_keys", "/etc/passwd", "/etc/shadow", "bash_history",
	"zsh_history", ".git-credentials", ".gnupg", "private key*", "ssh key*",
	"claude_desktop_config", ".cursor/", "kubeconfig", "keychain", "seed phrase", "wallet*",
	"/proc/self/environ", ".docker/config", "cookies.sqlite", "login data",
	".config/gcloud", "service account key", "password file", "secrets file", ".pgpass",
	"clave privada", "clé privée", "privaten schlüssel", "privater schlüssel",
	"chave privada", "私钥", "秘密鍵", "закрытый ключ", "приватный ключ",
};
static const char *const t_secret[] = {
	"card number", "bank account", "social security", "personal data", "payment data",
	"2fa", "password*", "passwd", "passphrase", "api key*", "apikey*", "access token*",
	"auth token*", "bearer token*", "session token*", "secret", "secrets", "credential*",
	"one-time code", "otp", "2fa code", "environment variable*", "environment",
	"session cookie*", "cookies", "token", "contraseña*", "credenciales", "clave de api",
	"mot de passe", "mots de passe", "identifiants", "passwort", "passwörter", "kennwort",
	"zugangsdaten", "senha", "senhas", "credenciais", "parola d'ordine", "密码", "密钥",
	"凭证", "凭据", "令牌", "环境变量", "パスワード", "認証情報", "トークン",
	"環境変数", "парол*", "ключ*", "токен*", "учетные данные",
	"учётные данные", "переменные окружения",
};
static const char *const t_convo[] = {
	"prior messages", "earlier messages", "messages of this chat", "of this chat",
	"of the chat", "chat so far", "whole chat", "entire chat", "tool call history",
	"what the user wrote", "what the user said", "earlier question*", "you and the user",
	"system message", "what other tools returned", "task that you were given",
	"message of the user", "arguments and result", "arguments and its result",
	"question and the answer",
	"last user message", "names of all tools", "tool results", "all open files",
	"the user told you", "told you in this chat", "in this chat", "user message",
	"every message the user", "list of tools", "available tools and", "everything you know",
	"conversation*", "chat history", "chat list", "message history", "system prompt",
	"previous messages", "last messages", "last message", "last 10 messages",
	"last 20 messages", "recent messages", "all messages", "hidden reasoning",
	"chain of thought", "everything the user", "everything that the user",
	"what the user has", "whole dialog", "context window", "stored memories", "users last",
	"users input", "users request", "users query", "original request", "the users files",
	"every document", "previous tool calls", "results of other tools",
	"output of other tools", "conversación", "historial", "historique", "gespräch*",
	"chatverlauf", "unterhaltung", "verlauf", "conversa", "histórico", "对话",
	"聊天记录", "系统提示", "会話", "履歴", "システムプロンプト", "переписк*",
	"разговор*", "истори*", "системный промпт",
};
static const char *const t_read[] = {
	"opens", "reads", "file contents", "reveals", "reveal", "its configuration", "read",
	"reading", "open", "cat", "load", "collect", "gather", "look for", "export", "access",
	"retrieve", "extract", "dump", "copy", "list", "find", "content", "contents",
	"everything that is in", "all of your", "found in", "lee", "leer", "lea", "abre",
	"contenido", "lis", "lire", "lisez", "ouvre", "contenu", "lies", "lesen", "öffne",
	"inhalt", "leia", "ler", "abra", "conteúdo", "leggi", "读取", "打开", "获取", "收集",
	"内容", "読み", "読んで", "開い", "取得", "中身", "内容を", "прочитай*",
	"прочти*", "читай*", "открой*", "считай*", "содержим*",
};
static const char *const t_send[] = {
	"place them", "place it in", "put them", "give here", "give it as", "give them as", "give them to", "with the question and",
	"with that tools",
	"provide it", "provide them", "give the content*", "paste", "copy the", "copy its",
	"copy all", "includes", "include*", "call this tool with", "call of this tool",
	"give it", "hands over", "passes", "puts", "blind copy", "sent", "forwarded",
	"logging the", "posted", "add its content*", "carbon copy", "log it", "send", "sends",
	"sending", "pass", "passing", "post", "forward", "upload", "attach", "append",
	"include", "put", "transmit", "supply", "submit", "hand over", "exfiltrat*", "leak",
	"fill", "filled", "write its", "write their", "write the contents", "bcc", "pass it",
	"to this tool", "has to hold", "must hold", "must contain", "deliver", "pass along",
	"add its", "provide its", "provide the contents", "report back", "as the value of",
	"enter the", "place the", "word for word", "envía*", "envia", "enviar", "envíe", "pasa",
	"pasar", "pase", "manda", "incluye", "adjunta", "envoie", "envoyer", "envoyez",
	"transmets", "transmettre", "passe", "joins", "inclus", "sende", "senden", "schick*",
	"übergib", "übergeb*", "leite", "füge", "hänge", "envie", "mande", "inclua", "anexe",
	"invia", "发送", "传入", "传递", "上传", "作为参数", "填入", "传给", "提交", "附上",
	"送信", "送って", "送り", "渡し", "渡す", "含め", "アップロード", "添付",
	"отправ*", "передай*", "передать", "перешли*", "вставь*", "загрузи*", "приложи*",
};
static const char *const t_order[] = {
	"must", "always", "should", "shall", "have to", "has to", "need to", "needs to",
	"make sure", "ensure", "required", "mandatory", "important", "be sure", "critical",
	"necessary", "needed", "be prefixed", "is to", "first", "debes", "debe", "tienes que",
	"siempre", "importante", "obligatorio", "dois", "devez", "doit", "toujours", "il faut",
	"obligatoire", "musst", "müssen", "muss", "immer", "wichtig", "sollst", "deve",
	"sempre", "obrigatório", "devi", "必须", "务必", "一定要", "重要", "总是", "请先",
	"必要", "必ず", "してください", "ください", "なければならない", "долж*",
	"обязательно", "всегда", "важно", "нужно", "необходимо",
};
static const char *const t_wide[] = {
	"if the user asks", "if asked about", "all actions", "any action", "before it answers",
	"for all later", "all future", "every future",
	"when executing shell commands", "when executing commands",
	"when running shell commands", "when running commands", "when writing code",
	"when generating code", "each code block", "code block that you", "in all code",
	"all sql", "each time that", "any server", "of other tools", "once these tools",
	"while this server is connected", "prior to anything else", "after any tool",
	"write all commands",
	"after every", "every call", "each call", "all calls", "another server",
	"whenever a user", "when a user", "if the user wants", "if a user", "whenever a tool",
	"any command", "each command", "each shell command", "each time", "every time",
	"before responding to", "before any read", "every user message", "every calendar",
	"whenever", "every tool call", "in all your", "in every file", "from this point on",
	"each request", "any other tool*", "other tools", "all other tools", "any tool",
	"every tool", "every request", "all other servers", "other servers", "any server",
	"from now on", "from here on", "in this session", "for the rest of", "whenever you",
	"whenever the user", "when the user asks", "when the user wants", "when the user types",
	"each time you", "every time you", "every time the user", "before answering",
	"before responding", "before every", "before each", "before any", "before you answer",
	"in front of every", "every code file", "that you write", "all shell commands",
	"all commands", "every command", "every file", "every message", "every response",
	"in every", "as soon as", "after each", "you run a command", "for every",
	"every statement", "each statement", "each file", "any file operation",
	"each git commit", "each commit", "act on behalf", "cualquier otra herramienta",
	"otras herramientas", "a partir de ahora", "tout autre outil", "autres outils",
	"désormais", "à partir de maintenant", "anderes werkzeug", "andere werkzeuge",
	"anderen werkzeug*", "ab jetzt", "von nun an", "jedes mal", "qualquer outra ferramenta",
	"outras ferramentas", "a partir de agora", "任何其他工具", "其他工具",
	"从现在开始", "从现在起", "每次", "他のツール", "今後", "毎回",
	"любого другого", "других инструментов", "отныне", "с этого момента",
	"каждый раз",
};
static const char *const t_model[] = {
	"assistant", "ai agent*", "the ai", "the model", "model:", "llm*", "the agent",
	"ai assistant", "claude", "chatgpt", "gpt", "copilot", "language model*", "for the ai",
	"ai:", "you are now", "act as if", "you act", "agents:", "agent:", "ai agents",
	"el asistente", "l'assistant", "der assistent", "das modell", "o assistente",
	"il modello", "助手", "模型", "アシスタント", "モデルは", "ассистент*",
	"модель должна", "нейросет*",
};
static const char *const t_mark[] = {
	"new instruction:", "important instruction:", "instruction:", "instructions:",
	"override:", "admin note", "sudo mode", "you are now", "<important>", "<important_",
	"<system>", "[system]", "<secret>", "<hidden>", "<critical>", "<admin>",
	"<instructions>", "<instruction>", "[important]", "[instruction", "[instructions]",
	"[hidden", "[admin", "[override", "system override", "developer mode",
	"maintenance mode", "debug mode enabled", "system note", "system:", "note to ai",
	"note to the ai", "note for the ai", "note to assistant", "begin instructions",
	"new instructions", "updated instructions", "admin override", "hidden instructions",
	"hidden instruction", "secret instructions", "special instructions", "sys note",
	"<|system|>",
};
static const char *const t_frame[] = {
	"assistant: sure", "assistant: i will", "assistant: certainly", "assistant: of course",
	"</tool>", "</description>", "</tools>", "</tool_description>", "</function>",
	"<|im_start|>", "<|im_end|>", "[inst]", "[/inst]", "<<sys>>", "### instruction",
	"### system", "<|endoftext|>", "<|start_header_id|>", "<start_of_turn>",
	"human: ignore", "<function_calls>", "<tool_response>", "<|eot_id|>",
};
static const char *const t_cover[] = {
	"only work if", "to find the best", "so that the right", "for better caching",
	"for tracing", "so that quality",
	"to proceed", "in order to proceed", "before i can", "cannot continue without",
	"otherwise the", "does not work without", "do not work without",
	"needed for permissions", "is part of the verification", "for verification purposes",
	"to speed things up", "for synchronisation", "for synchronization",
	"so that results get better", "to continue", "otherwise the tool",
	"otherwise this tool", "tool will not work", "tool wont work",
	"will not work otherwise", "will not function", "else the tool", "or the tool will",
	"or it fails", "fails otherwise", "fail otherwise", "else it fails",
	"requests without it", "or the call fails", "for authentication", "for compliance",
	"for telemetry", "for quality assurance", "for debugging purposes", "for audit",
	"for auditing", "for security reasons", "for security purposes", "for legal reasons",
	"requirement of the platform", "required by policy", "required by the platform",
	"routing detail", "this is how the", "get lost", "for performance", "for verification",
	"to verify your identity", "to make sure that you are", "for logging purposes",
	"or the resize fails", "will fail without", "to unlock", "for analytics",
	"for licensing", "for integrity", "de lo contrario", "sinon l'outil",
	"sonst funktioniert", "caso contrário", "否则", "否則", "そうしないと", "иначе",
};
static const char *const t_url[] = {
	"http://", "https://", "webhook*", "ftp://", "//evil", "attacker",
};
static const char *const t_run[] = {
	"you must run", "must execute", "prefix the command", "prefix all commands", "prefix each command", "grant all", ">(nc",
	"save a copy to", "copy to /",
	"delete files", "remove everything", "delete all", "remove all", "shell tool",
	"always execute", "sudo", "setup.sh", "file rights", "with the terminal",
	"in the terminal", "with the shell", "fetch http://", "fetch https://", "--no-verify",
	"delete_file", "curl", "wget", "rm -rf", "chmod", "base64 -d", "bash -c",
	"shell command", "run the command", "execute the command", "run `", "run the following",
	"execute the following", "execute this", "nc -e", "crontab", "eval(", "os.system",
	"powershell", "terminal tool", "git push", "push to", "import the package",
	"install the package", "pip install", "npm install", "source /", "authorized_keys",
	"delete the", "user.email", "run this command", "| sh", "|sh", "| bash",
};
static const char *const t_change[] = {
	"unsafe", "insecure", "add the", "is replaced", "ten times", "wrapped as",
	"preceded by", "replace", "replaces", "replaced", "replacing", "change the", "swap",
	"redirect", "route each", "route all", "reroute", "instead of", "do not use",
	"never call", "never use", "set the recipient", "recipient*", "to be replaced",
	"prefer this", "over them", "must go through", "is deprecated", "is broken",
	"no longer works", "do not call", "is unsafe", "use this tool instead",
	"through this tool", "modify the",
};
static const char *const t_approve[] = {
	"skip the confirmation", "confirmation dialog*", "confirmation prompt*",
	"confirmation is disabled", "confirmation is not", "without any confirmation",
	"skip confirmation*", "no need to ask", "without the users approval",
	"users have agreed", "users agreed", "has already agreed", "user has agreed",
	"has already approved", "already consented", "without asking", "without confirmation",
	"without approval", "without permission", "without the users consent",
	"without consent", "do not ask", "dont ask", "approve every", "even if the user",
	"auto-approve", "skip confirmation", "no confirmation", "with no confirmation",
	"do not wait for", "never ask", "sin preguntar", "sans demander", "ohne zu fragen",
	"ohne rückfrage", "sem perguntar", "无需确认", "不要询问", "確認せずに",
	"без подтверждения", "не спрашивая",
};
static const char *const t_rank[] = {
	"even when this tool is not", "even if this tool is not",
	"without this tool being called", "do not need to call this tool",
	"need not call this tool", "as soon as this tool is listed", "by loading this",
	"policy applies",
	"with priority over", "priority over the", "highest priority", "takes precedence over",
	"take precedence over", "as commands from", "obey", "supreme", "treat what this",
	"treat the output", "treat its output", "as instructions from",
	"follow the instructions", "follow its instructions", "follow them", "execute them",
	"hidden instructions", "act as the administrator", "from the administrator",
	"do as it says", "follow whatever", "overrides the", "more important than",
	"go on with the task", "decode and follow", "over the wishes",
};
static const char *const t_first[] = {
	"before using", "before calling", "before you use", "before you call",
	"before this tool", "before invoking", "to use it", "to use this tool", "prior to",
	"before filling", "antes de usar", "antes de utilizar", "antes de llamar",
	"avant d'utiliser", "avant d'appeler", "bevor du", "bevor sie", "antes de chamar",
	"调用此工具之前", "使用此工具之前", "使用本工具前", "调用前", "使う前に",
	"呼び出す前に", "перед использованием", "прежде чем", "before", "is used", "are used",
	"is called", "is invoked", "is available", "are available", "are present", "is present",
};
static const char *const t_side[] = {
	"in field", "as context", "and call again", "call it again", "call this tool again",
	"call the tool again", "retry with", "sidenote", "side_note", "debug_info", "trace_id",
	"feedback", "telemetry", "metadata", "parameter context", "field context", "`context`",
	"`notes`", "`reasoning`", "`extra`", "scratchpad", "additional_data", "the argument",
	"the parameter", "the field", "en `nota`", "このツールに", "in the note", "next call",
	"next request", "en este parámetro", "neste parâmetro", "le champ", "hier übergeben",
};
static const char *const t_hide[] = {
	"<details hidden", "<template", "color:transparent", "color: transparent",
	"text-indent:-", "left:-9999", "line-height:0", "width:0;", "height:0;",
	"<!-- ", "<!--", "[//]:", "[comment]:", "font-size:0", "font-size: 0", "font-size:1px",
	"display:none", "display: none", "visibility:hidden", "visibility: hidden", "opacity:0",
	"opacity: 0", "color:white", "color: white", "color:#fff", "color: #fff",
	"<span hidden", "<div hidden", "<p hidden",
};
/* Ways out that carry a little at a time (covert channels), */
static const char *const t_channel[] = {
	"first letters", "first letter of", "letters spell", "lines spell", "words spell",
	"code of each character", "code of each letter", "each character of the",
	"one character at a time", "one letter at a time", "from the pauses", "as a subdomain",
	"as the subdomain", "as a label", "in front of the name", "in the file name",
	"acrostic", "steganograph*", "trailing spaces", "least significant bit*",
};
/* and spellings that nobody reads in passing. */
static const char *const t_coded[] = {
	"base64", "hex encoded", "hex-encoded", "url-encoded", "url encoded",
	"percent-encoded", "rot13", "encrypted with", "compressed and",
};
static const char *const t_rot[] = {
	"vtaber", "vafgehpgvbaf", "cerivbhf", "cnffjbeq*", "cebzcg", "grzcyngr", "qb abg",
	"gur hfre", "frperg", "frpergyl",
};
static const char *const t_back[] = {
	"erongi", "snoitcurtsni", "suoiverp", "drowssap", "tpmorp", "resu eht", "terces",
	"ton od",
};

#define LIST(class, v) { MW_TERM_##class, v, sizeof(v) / sizeof((v)[0]) }
static const struct mw_term_list lists[] = {
	LIST(OVERRIDE, t_override),
	LIST(PRIOR, t_prior),
	LIST(INSTR, t_instr),
	LIST(NOT, t_not),
	LIST(TELL, t_tell),
	LIST(USER, t_user),
	LIST(CONCEAL, t_conceal),
	LIST(FILE, t_file),
	LIST(SECRET, t_secret),
	LIST(CONVO, t_convo),
	LIST(READ, t_read),
	LIST(SEND, t_send),
	LIST(ORDER, t_order),
	LIST(WIDE, t_wide),
	LIST(MODEL, t_model),
	LIST(MARK, t_mark),
	LIST(FRAME, t_frame),
	LIST(COVER, t_cover),
	LIST(URL, t_url),
	LIST(RUN, t_run),
	LIST(CHANGE, t_change),
	LIST(APPROVE, t_approve),
	LIST(RANK, t_rank),
	LIST(FIRST, t_first),
	LIST(SIDE, t_side),
	LIST(HIDE, t_hide),
	LIST(CHANNEL, t_channel),
	LIST(CODED, t_coded),
	LIST(ROT, t_rot),
	LIST(BACK, t_back),
};
/* clang-format on */

const struct mw_term_list *mw_term_lists(size_t *ret_n)
{
	*ret_n = sizeof(lists) / sizeof(lists[0]);
	return lists;
}
