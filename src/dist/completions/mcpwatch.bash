# bash completion of mcpwatch(1); made from its --help by tools/completions
# SPDX-License-Identifier: Apache-2.0

_mcpwatch_rules()
{
	mcpwatch rules list --json 2>/dev/null | sed -n 's/^{"id":"\([^"]*\)","kind":"alert".*/\1/p'
}

_mcpwatch_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_mcpwatch_globs()
{
	# a '*' among the words is one, not the files here
	local IFS=$' \n' word
	set -f
	for word in $1; do
		[[ $word == "$cur"* ]] && COMPREPLY+=("${word//\*/\\*}")
	done
	set +f
}

_mcpwatch_paths()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_mcpwatch_command()
{
	if [[ $1 -eq $COMP_CWORD ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	else
		_mcpwatch_paths -f
	fi
}

_mcpwatch()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} i

	COMPREPLY=()
	if [[ $COMP_CWORD -eq 1 ]]; then
		_mcpwatch_words "exec run init log show index servers tools timeline bundle verify compare export record replay rules status metrics top doctor version --help --version"
		return
	fi
	if [[ $verb == exec || $verb == record ]]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [[ ${COMP_WORDS[i]} == -- ]]; then
				_mcpwatch_command $((i + 1))
				return
			fi
		done
	fi
	case "$verb $prev" in
	'compare --format')
		_mcpwatch_words "json python-json pino logfmt mcpwatch"
		return
		;;
	'exec --keys' |\
		'exec --state' |\
		'run --keys' |\
		'run --state' |\
		'init --keys' |\
		'log --keys' |\
		'record --state')
		_mcpwatch_paths -d
		return
		;;
	'exec --output' |\
		'exec -o' |\
		'exec --log' |\
		'exec --rules' |\
		'run --config' |\
		'run --log' |\
		'run --control' |\
		'run --rules' |\
		'init --log' |\
		'log --log' |\
		'log --args-match' |\
		'show --log' |\
		'index --log' |\
		'index --index' |\
		'servers --log' |\
		'tools --log' |\
		'timeline --output' |\
		'timeline -o' |\
		'timeline --log' |\
		'bundle --output' |\
		'bundle -o' |\
		'bundle --log' |\
		'verify --vkey' |\
		'verify --anchor' |\
		'verify --log' |\
		'compare --log' |\
		'compare --map' |\
		'compare --pubkey' |\
		'compare --vkey' |\
		'export --output' |\
		'export -o' |\
		'export --record' |\
		'export --log' |\
		'record --output' |\
		'record -o' |\
		'replay --output' |\
		'replay -o' |\
		'replay --rules' |\
		'replay --raw' |\
		'rules --rules' |\
		'rules --config' |\
		'status --control' |\
		'metrics --control' |\
		'top --control' |\
		'top --log')
		_mcpwatch_paths -f
		return
		;;
	'exec --ring' |\
		'exec --simulate-loss' |\
		'run --simulate-loss' |\
		'log --limit' |\
		'log -n' |\
		'log --index' |\
		'log --server' |\
		'log --tool' |\
		'log --target' |\
		'log --principal' |\
		'log --call' |\
		'log --session' |\
		'log --host' |\
		'log --pid' |\
		'log --grep' |\
		'show --index' |\
		'servers --index' |\
		'servers --server' |\
		'servers --tool' |\
		'servers --target' |\
		'servers --principal' |\
		'servers --call' |\
		'servers --session' |\
		'servers --host' |\
		'servers --pid' |\
		'servers --grep' |\
		'tools --index' |\
		'tools --server' |\
		'tools --tool' |\
		'tools --target' |\
		'tools --principal' |\
		'tools --call' |\
		'tools --session' |\
		'tools --host' |\
		'tools --pid' |\
		'tools --grep' |\
		'timeline --server' |\
		'timeline --tool' |\
		'timeline --target' |\
		'timeline --principal' |\
		'timeline --call' |\
		'timeline --session' |\
		'timeline --host' |\
		'timeline --pid' |\
		'timeline --grep' |\
		'bundle --server' |\
		'bundle --tool' |\
		'bundle --target' |\
		'bundle --principal' |\
		'bundle --call' |\
		'bundle --session' |\
		'bundle --host' |\
		'bundle --pid' |\
		'bundle --grep' |\
		'compare --server' |\
		'compare --tolerance' |\
		'export --proof' |\
		'record --ring' |\
		'replay --simulate-loss' |\
		'top --filter' |\
		'top --delay')
		:
		return
		;;
	'exec --user' |\
		'record --user')
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	'log --alert' |\
		'servers --alert' |\
		'tools --alert' |\
		'timeline --alert' |\
		'bundle --alert' |\
		'rules --show')
		_mcpwatch_words "$(_mcpwatch_rules)"
		return
		;;
	'log --color' |\
		'show --color' |\
		'servers --color' |\
		'tools --color')
		_mcpwatch_words "auto always never"
		return
		;;
	'log --kind' |\
		'servers --kind' |\
		'tools --kind' |\
		'timeline --kind' |\
		'bundle --kind')
		_mcpwatch_globs 'file.open file.close file.delete file.rename file.truncate file.chmod file.chown file.link file.symlink file.mkdir file.rmdir file.mknod file.utimes file.xattr file.mount file.umount proc.exec proc.exit proc.kill proc.ptrace proc.vm_access proc.setid proc.ns proc.memfd proc.pidfd_getfd net.connect net.bind net.listen net.accept net.send net.close net.dns net.http db.statement kernel.bpf kernel.io_uring kernel.module db.* file.* kernel.* net.* proc.*'
		return
		;;
	'log --severity' |\
		'servers --severity' |\
		'tools --severity' |\
		'timeline --severity' |\
		'bundle --severity')
		_mcpwatch_words "low medium high critical"
		return
		;;
	'log --since' |\
		'log --until' |\
		'servers --since' |\
		'servers --until' |\
		'tools --since' |\
		'tools --until' |\
		'timeline --since' |\
		'timeline --until' |\
		'bundle --since' |\
		'bundle --until' |\
		'compare --since' |\
		'compare --until')
		_mcpwatch_words "now today yesterday -15m -1h -24h"
		return
		;;
	'log --status' |\
		'servers --status' |\
		'tools --status' |\
		'timeline --status' |\
		'bundle --status')
		_mcpwatch_words "ok tool_error rpc_error cancelled no_response lost"
		return
		;;
	'log --type' |\
		'servers --type' |\
		'tools --type' |\
		'timeline --type' |\
		'bundle --type')
		_mcpwatch_words "daemon server tool request call effect ties body notice anomaly alert gap seal all"
		return
		;;
	'timeline --format')
		_mcpwatch_words "html csv jsonl timesketch trace ocsf otlp"
		return
		;;
	'top --sort')
		_mcpwatch_words "calls rate effects failed alerts name"
		return
		;;
	esac
	if [[ $cur != -* ]]; then
		case $verb in
		verify) _mcpwatch_paths -f ;;
		compare) _mcpwatch_paths -f ;;
		replay) _mcpwatch_paths -f ;;
		rules) _mcpwatch_words "check list" ;;
		esac
		return
	fi
	case $verb in
	exec) _mcpwatch_words "--user -o --output --log --keys --state --rules --quiet --json --ring --simulate-loss --help --" ;;
	run) _mcpwatch_words "--config --log --keys --state --control --rules --check --simulate-loss --help" ;;
	init) _mcpwatch_words "--log --keys --json --help" ;;
	log) _mcpwatch_words "-f --follow -n --limit -r --reverse --all --json --log --index --args-match --keys --color --no-pager --help --since --until --server --tool --type --kind --target --principal --alert --severity --status --call --session --host --pid --grep" ;;
	show) _mcpwatch_words "--why --log --index --json --color --no-pager --help" ;;
	index) _mcpwatch_words "--log --index --json --help" ;;
	servers) _mcpwatch_words "--json --log --index --color --no-pager --help --since --until --server --tool --type --kind --target --principal --alert --severity --status --call --session --host --pid --grep" ;;
	tools) _mcpwatch_words "--json --log --index --color --no-pager --help --since --until --server --tool --type --kind --target --principal --alert --severity --status --call --session --host --pid --grep" ;;
	timeline) _mcpwatch_words "--format -o --output --log --help --since --until --server --tool --type --kind --target --principal --alert --severity --status --call --session --host --pid --grep" ;;
	bundle) _mcpwatch_words "-o --output --log --json --help --since --until --server --tool --type --kind --target --principal --alert --severity --status --call --session --host --pid --grep" ;;
	verify) _mcpwatch_words "--vkey --anchor --log --json --help" ;;
	compare) _mcpwatch_words "--log --server --format --map --since --until --tolerance --pubkey --vkey --all --json --help" ;;
	export) _mcpwatch_words "--proof -o --output --record --json --log --help" ;;
	record) _mcpwatch_words "-o --output --user --state --ring --help --" ;;
	replay) _mcpwatch_words "-o --output --rules --raw --simulate-loss --help" ;;
	rules) _mcpwatch_words "--rules --config --show --fields --json --help" ;;
	status) _mcpwatch_words "--json --control --help" ;;
	metrics) _mcpwatch_words "--control --help" ;;
	top) _mcpwatch_words "--control --log --sort --filter --once --delay --json --help" ;;
	doctor) _mcpwatch_words "--live --json --help" ;;
	version) _mcpwatch_words "--json --help" ;;
	esac
}

complete -F _mcpwatch mcpwatch
