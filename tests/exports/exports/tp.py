# SPDX-License-Identifier: Apache-2.0
"""Perfetto's trace processor: loads a trace, answers SQL. The WebAssembly one of the page, under node."""

import subprocess
from pathlib import Path

from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

HERE = Path(__file__).resolve().parent
APPEND, FINALIZE, QUERY = 1, 2, 3
CHUNK = 1 << 20


class TraceProcessor:
    def __init__(self, node, page):
        """`page`: the folder with Perfetto's page (engine_bundle.js)."""
        self.protos = ProtoFactory(PlatformDelegate())
        self.process = subprocess.Popen([node, HERE.parent / "trace_processor.js", page], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.seq = 0
        self.replied = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()

    def send(self, method, **members):
        stream = self.protos.TraceProcessorRpcStream()
        rpc = stream.msg.add()
        rpc.seq, rpc.request = self.seq, method
        self.seq += 1
        for name, value in members.items():
            if isinstance(value, bytes):
                setattr(rpc, name, value)
            else:
                getattr(rpc, name).sql_query = value
        self.process.stdin.write(stream.SerializeToString())
        self.process.stdin.flush()

    def read(self, n):
        data = self.process.stdout.read(n)
        if len(data) < n:
            raise RuntimeError(f"trace processor ended: {self.process.stderr.read().decode()[-2000:]}")
        return data

    def receive(self):
        """The next answer; what comes with its tag and length in front is one message."""
        assert self.read(1) == b"\x0a"
        n = shift = 0
        while True:
            byte = self.read(1)[0]
            n |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        rpc = self.protos.TraceProcessorRpc()
        rpc.ParseFromString(self.read(n))
        if rpc.fatal_error:
            raise RuntimeError(rpc.fatal_error)
        return rpc

    def load(self, file):
        with open(file, "rb") as f:
            while chunk := f.read(CHUNK):
                self.send(APPEND, append_trace_data=chunk)
                error = self.receive().append_result.error
                if error:
                    raise RuntimeError(error)
        self.send(FINALIZE)
        self.receive()

    def query(self, sql):
        """Rows as dicts."""
        self.send(QUERY, query_args=sql)
        cells, strings, columns = [], [], []
        while True:
            result = self.receive().query_result
            if result.error:
                raise RuntimeError(f"{sql}: {result.error}")
            columns = columns or list(result.column_names)
            for batch in result.batch:
                strings = iter(batch.string_cells.split("\0"))
                ints, floats = iter(batch.varint_cells), iter(batch.float64_cells)
                pick = {1: lambda: None, 2: lambda: next(ints), 3: lambda: next(floats),
                        4: lambda: next(strings)}
                cells += [pick[kind]() for kind in batch.cells]
                if batch.is_last_batch:
                    return [dict(zip(columns, cells[i:i + len(columns)]))
                            for i in range(0, len(cells), len(columns))]
