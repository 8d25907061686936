// SPDX-License-Identifier: Apache-2.0

// matrixclient PLAN OUT: makes the plan's steps with the go-sdk; how each ended goes to OUT.json.
//
// Go does not call libc, so it keeps what passes itself, in the form of tap/tap.c: OUT.<pid>.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type plan struct {
	Transport string            `json:"transport"`
	Argv      []string          `json:"argv"`
	Cwd       string            `json:"cwd"`
	Env       map[string]string `json:"env"`
	URL       string            `json:"url"`
	Modern    bool              `json:"modern"`
	Steps     [][]any           `json:"steps"`
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

var (
	tapLock sync.Mutex
	tapFile *os.File
	tapIno  uint64
)

// keep writes one row of the tap: dir 0 written, 1 read.
func keep(ino uint64, dir uint32, p []byte) {
	if len(p) == 0 {
		return
	}
	var head [16]byte
	binary.NativeEndian.PutUint64(head[:], ino)
	binary.NativeEndian.PutUint32(head[8:], dir)
	binary.NativeEndian.PutUint32(head[12:], uint32(len(p)))
	tapLock.Lock()
	defer tapLock.Unlock()
	must(tapFile.Write(head[:]))
	must(tapFile.Write(p))
}

func newIno() uint64 {
	tapLock.Lock()
	defer tapLock.Unlock()
	tapIno++
	return tapIno
}

type tappedReader struct {
	io.ReadCloser
	ino uint64
}

func (t tappedReader) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	keep(t.ino, 1, p[:n])
	return n, err
}

type tappedWriter struct {
	io.WriteCloser
	ino uint64
}

func (t tappedWriter) Write(p []byte) (int, error) {
	n, err := t.WriteCloser.Write(p)
	keep(t.ino, 0, p[:n])
	return n, err
}

type tappedConn struct {
	net.Conn
	ino uint64
}

func (t tappedConn) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	keep(t.ino, 1, p[:n])
	return n, err
}

func (t tappedConn) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	keep(t.ino, 0, p[:n])
	return n, err
}

func transport(p *plan) mcp.Transport {
	if p.Transport == "stdio" {
		cmd := exec.Command(p.Argv[0], p.Argv[1:]...)
		cmd.Dir, cmd.Stderr, cmd.Env = p.Cwd, os.Stderr, os.Environ()
		for k, v := range p.Env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		c2s := tappedWriter{must(cmd.StdinPipe()), newIno()}
		s2c := tappedReader{must(cmd.StdoutPipe()), newIno()}
		must(0, cmd.Start())
		return &mcp.IOTransport{Reader: s2c, Writer: c2s, MaxLineLength: -1}
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return tappedConn{c, newIno()}, err
		},
		DisableCompression: true,
	}}
	if p.Transport == "sse" {
		return &mcp.SSEClientTransport{Endpoint: p.URL, HTTPClient: client, MaxEventSize: -1}
	}
	return &mcp.StreamableClientTransport{Endpoint: p.URL, HTTPClient: client, MaxEventSize: -1}
}

func main() {
	ctx := context.Background()
	var p plan
	must(0, json.Unmarshal(must(os.ReadFile(os.Args[1])), &p))
	tapFile = must(os.OpenFile(fmt.Sprintf("%s.%d", os.Args[2], os.Getpid()), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600))

	client := mcp.NewClient(&mcp.Implementation{Name: "matrix-go", Version: "1"}, &mcp.ClientOptions{
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			return &mcp.CreateMessageResult{Model: "none", Role: "assistant", Content: &mcp.TextContent{Text: "said"}}, nil
		},
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"answer": "yes"}}, nil
		},
	})
	client.AddRoots(&mcp.Root{URI: "file:///tmp", Name: "tmp"})
	options := &mcp.ClientSessionOptions{}
	if !p.Modern {
		options.ProtocolVersion = "2025-11-25"
	}
	s := must(client.Connect(ctx, transport(&p), options))

	call := func(ctx context.Context, name string, args any, token any) (string, error) {
		params := &mcp.CallToolParams{Name: name, Arguments: args}
		if token != nil {
			params.SetProgressToken(token)
		}
		r, err := s.CallTool(ctx, params)
		if err != nil {
			return "", err
		}
		return map[bool]string{true: "tool_error", false: "ok"}[r.IsError], nil
	}
	step := func(a []any) (string, error) {
		var err error
		switch a[0] {
		case "tools":
			_, err = s.ListTools(ctx, nil)
		case "call":
			return call(ctx, a[1].(string), a[2], nil)
		case "notify":
			if !p.Modern {
				s.SetLoggingLevel(ctx, &mcp.SetLoggingLevelParams{Level: "info"}) // not every server has it
			}
			return call(ctx, a[1].(string), a[2], "progress-1")
		case "parallel":
			var all sync.WaitGroup
			for _, c := range a[1].([]any) {
				all.Go(func() { call(ctx, c.([]any)[0].(string), c.([]any)[1], nil) })
			}
			all.Wait()
		case "ping":
			err = s.Ping(ctx, nil)
		case "resources":
			_, err = s.ListResources(ctx, nil)
		case "read":
			_, err = s.ReadResource(ctx, &mcp.ReadResourceParams{URI: a[1].(string)})
		case "prompts":
			_, err = s.ListPrompts(ctx, nil)
		case "prompt":
			args := map[string]string{}
			for k, v := range a[2].(map[string]any) {
				args[k] = v.(string)
			}
			_, err = s.GetPrompt(ctx, &mcp.GetPromptParams{Name: a[1].(string), Arguments: args})
		case "cancel":
			short, done := context.WithTimeout(ctx, time.Duration(a[3].(float64))*time.Millisecond)
			defer done()
			return call(short, a[1].(string), a[2], nil)
		}
		return "ok", err
	}
	ends := []string{}
	for _, a := range p.Steps {
		end, err := step(a)
		if err != nil {
			end = "error: " + err.Error()
		}
		ends = append(ends, end)
	}
	s.Close()
	must(0, os.WriteFile(os.Args[2]+".json", must(json.Marshal(ends)), 0o600))
}
