// chains.js - interleaved chains of work, each naming its number in all it does (see test_live_runtime_node.c)
//
// Chain k begins in the callback of the open of c-k-root; all files it touches begin with c-k-, and its last
// step writes "done k" to stdout. What runs behind a timer is named t-k-: nothing says whose it is.
'use strict';
const fs = require('fs');
const fsp = fs.promises;
const { promisify } = require('util');
const crypto = require('crypto');
const zlib = require('zlib');
const net = require('net');
const dns = require('dns');
const http = require('http');
const { execFile } = require('child_process');
const { pipeline } = require('stream/promises');

const dir = process.argv[2];
const count = Number(process.argv[3]);
const kinds = process.argv[4].split(',');

function random(seed) {
	let s = seed * 7919 + 17;
	return (n) => ((s = (s * 1103515245 + 12345) % 2147483648) >> 8) % n;
}

const steps = {
	async write(name) {
		await fsp.writeFile(name('w'), 'x'.repeat(100));
	},
	async read(name) {
		const n = name('r');
		await fsp.writeFile(n, 'r');
		await fsp.readFile(n);
		await fsp.unlink(n);
	},
	async handle(name) {
		const h = await fsp.open(name('h'), 'w+');
		await h.write('abc');
		await h.stat();
		await h.read(Buffer.alloc(3), 0, 3, 0);
		await h.truncate(1);
		await h.close();
	},
	async rename(name) {
		const a = name('a'), b = name('b');
		await fsp.writeFile(a, 'a');
		await fsp.rename(a, b);
		await fsp.copyFile(b, name('copy'));
	},
	async dirs(name) {
		const d = name('d');
		await fsp.mkdir(d);
		await fsp.readdir(d);
		await fsp.rmdir(d);
	},
	async all(name) {
		await Promise.all([0, 1, 2].map((i) => fsp.writeFile(name('p' + i), 'p')));
	},
	async callbacks(name) {
		await new Promise((ok) => fs.writeFile(name('cb'), 'c', () =>
			fs.open(name('cb2'), 'w', (e, fd) => fs.close(fd, ok))));
	},
	async sync(name) {
		const n = name('s');
		fs.writeFileSync(n, 's');
		fs.unlinkSync(n);
	},
	async stream(name) {
		const n = name('st');
		await fsp.writeFile(n, 's'.repeat(200000));
		await pipeline(fs.createReadStream(n), zlib.createGzip(), fs.createWriteStream(name('gz')));
	},
	async crypto(name) {
		await promisify(crypto.pbkdf2)('a', 'b', 500, 32, 'sha256');
		await fsp.writeFile(name('k'), 'k');
		await promisify(crypto.randomBytes)(16);
		await fsp.writeFile(name('k2'), 'k');
	},
	async zlib(name) {
		await promisify(zlib.gzip)(Buffer.alloc(50000));
		await fsp.writeFile(name('z'), 'z');
	},
	async dns(name) {
		await dns.promises.lookup('localhost');
		await fsp.writeFile(name('dns'), 'd');
	},
	async child(name) {
		await promisify(execFile)('/bin/sh', ['-c', 'echo "$0"', name('argv')]);
		await fsp.writeFile(name('after'), 'x');
	},
	async http(name) {
		await new Promise((ok, fail) => http.get({ port: server, agent: false }, (res) => {
			res.on('data', () => {});
			res.on('end', ok);
		}).on('error', fail));
		await fsp.writeFile(name('http'), 'x');
	},
	async fetch(name) {
		const res = await fetch(`http://127.0.0.1:${server}/`);
		await res.text();
		await fsp.writeFile(name('fetch'), 'x');
	},
};

let server = 0, left = count;

async function chain(k) {
	const r = random(k + 1);
	let n = 0;
	const name = (what) => `${dir}/c-${k}-${n++}-${what}`;
	for (let i = 0; i < 8; i++)
		await steps[kinds[r(kinds.length)]](name);
	process.stdout.write(`done ${k}\n`);
	setTimeout(() => {
		fs.writeFileSync(`${dir}/t-${k}-timer`, 't');
		fsp.writeFile(`${dir}/t-${k}-promise`, 't').then(() => {
			if (--left === 0)
				process.exit(0);
		});
	}, r(5));
}

function main() {
	for (let k = 0; k < count; k++)
		fs.open(`${dir}/c-${k}-root`, 'w', (e, fd) => {
			if (e)
				throw e;
			chain(k).catch((e) => {
				console.error(e);
				process.exit(3);
			});
		});
}

const s = http.createServer((req, res) => res.end('x'.repeat(3000)));
s.listen(0, '127.0.0.1', async () => {
	server = s.address().port;
	// the first one compiles its parser meanwhile, in a thread of V8 that nobody waits for in a callback
	await (await fetch(`http://127.0.0.1:${server}/`)).text();
	process.kill(process.pid, 'SIGSTOP');
	setTimeout(main, 1);
});
