// tasks.js - one thing of each kind that node calls back for (see test_live_runtime_node.c); what it touches
// says what it is
'use strict';
const fs = require('fs');
const { spawn, execFile } = require('child_process');
const { Worker, isMainThread, workerData } = require('worker_threads');

const dir = isMainThread ? process.argv[2] : workerData;
const touch = (name) => fs.writeFileSync(`${dir}/${name}`, '');

function inWorker() {
	fs.open(`${dir}/worker-begin`, 'w', (e, fd) => fs.close(fd, () => touch('worker-end')));
}

function child(next) {
	fs.open(`${dir}/child-begin`, 'w', () => {
		const c = spawn('/bin/sh', ['-c', 'echo child-says; exit 3']);
		c.stdout.once('data', () => touch('child-read'));
		c.on('exit', () => touch('child-exit'));
		c.on('close', next);
	});
}

function main() {
	process.kill(process.pid, 'SIGSTOP');
	process.stdin.once('data', () => {
		touch('stdin-read');
		fs.writeFile(`${dir}/stdin-write`, '', () => touch('stdin-wrote'));
		// what comes next is nobody's, whoever went on listening
		process.stdin.pause();
		setTimeout(() => {
			process.stdin.once('data', () => touch('stdin-again'));
			process.stdin.resume();
			process.stdout.write('more\n');
		}, 20);
	});
	process.stdout.write('ready\n');
	setTimeout(() => child(() => {
		new Worker(__filename, { workerData: dir }).on('exit', () => process.exit(0));
	}), 200);
}

if (isMainThread)
	main();
else
	inWorker();
