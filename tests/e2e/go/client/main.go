// SPDX-License-Identifier: Apache-2.0

// client PLAN OUT: makes the plan's calls with the go-sdk over stdio (pipes). Writes what
// py/client.py writes.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type plan struct {
	Argv     []string `json:"argv"`
	Cwd      string   `json:"cwd"`
	Parallel int      `json:"parallel"`
	Calls    []struct {
		Tool      string         `json:"tool"`
		Arguments map[string]any `json:"arguments"`
	} `json:"calls"`
}

type result struct {
	Status string `json:"status"`
	Len    int    `json:"text_len"`
	Sha256 string `json:"text_sha256"`
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// tap keeps what passes one pipe.
type tap struct {
	io.ReadCloser
	io.WriteCloser
	mu   sync.Mutex
	kept bytes.Buffer
}

func (t *tap) keep(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Write(p)
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.keep(p[:n])
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	t.keep(p)
	return t.WriteCloser.Write(p)
}

func (t *tap) Close() error {
	if t.ReadCloser != nil {
		return t.ReadCloser.Close()
	}
	return t.WriteCloser.Close()
}

func (t *tap) save(file string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	must(0, os.WriteFile(file, t.kept.Bytes(), 0o600))
}

func main() {
	ctx := context.Background()
	var p plan
	must(0, json.Unmarshal(must(os.ReadFile(os.Args[1])), &p))

	cmd := exec.Command(p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Stderr = p.Cwd, os.Stderr
	c2s := &tap{WriteCloser: must(cmd.StdinPipe())}
	s2c := &tap{ReadCloser: must(cmd.StdoutPipe())}
	must(0, cmd.Start())

	client := mcp.NewClient(&mcp.Implementation{Name: "e2e-go", Version: "1"}, nil)
	session := must(client.Connect(ctx, &mcp.IOTransport{Reader: s2c, Writer: c2s, MaxLineLength: -1}, nil))
	must(session.ListTools(ctx, nil))

	results := make([]result, len(p.Calls))
	slots := make(chan struct{}, p.Parallel)
	var all sync.WaitGroup
	for i, c := range p.Calls {
		slots <- struct{}{}
		all.Add(1)
		go func() {
			defer func() { <-slots; all.Done() }()
			r, err := session.CallTool(ctx, &mcp.CallToolParams{Name: c.Tool, Arguments: c.Arguments})
			if err != nil {
				results[i] = result{Status: "rpc_error"}
				return
			}
			var text strings.Builder
			for _, content := range r.Content {
				if t, ok := content.(*mcp.TextContent); ok {
					text.WriteString(t.Text)
				}
			}
			sum := sha256.Sum256([]byte(text.String()))
			status := map[bool]string{true: "tool_error", false: "ok"}[r.IsError]
			results[i] = result{status, len([]rune(text.String())), hex.EncodeToString(sum[:])}
		}()
	}
	all.Wait()
	session.Close()
	cmd.Wait()
	must(0, os.WriteFile(os.Args[2]+".json", must(json.Marshal(results)), 0o600))
	c2s.save(os.Args[2] + ".0.c2s")
	s2c.save(os.Args[2] + ".0.s2c")
}
