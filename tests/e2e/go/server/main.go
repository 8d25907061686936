// SPDX-License-Identifier: Apache-2.0

// The go-sdk server of tests/e2e: the tools of py/server.py that every language has.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/exec"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type path struct {
	Path string `json:"path"`
}
type write struct {
	Path string `json:"path"`
	Text string `json:"text"`
}
type rename struct {
	Src string `json:"src"`
	Dst string `json:"dst"`
}
type run struct {
	Argv []string `json:"argv"`
}
type size struct {
	N int `json:"n"`
}
type none struct{}

func add[In any](s *mcp.Server, name string, f func(In) (string, error)) {
	mcp.AddTool(s, &mcp.Tool{Name: name}, func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		text, err := f(in)
		if err != nil {
			return nil, nil, err
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
	})
}

func main() {
	s := mcp.NewServer(&mcp.Implementation{Name: "e2e-go", Version: "1"}, nil)
	add(s, "read_file", func(in path) (string, error) {
		b, err := os.ReadFile(in.Path)
		return string(b), err
	})
	add(s, "write_file", func(in write) (string, error) {
		return "written", os.WriteFile(in.Path, []byte(in.Text), 0o644)
	})
	add(s, "rename_file", func(in rename) (string, error) { return "renamed", os.Rename(in.Src, in.Dst) })
	add(s, "delete_file", func(in path) (string, error) { return "deleted", os.Remove(in.Path) })
	add(s, "run", func(in run) (string, error) {
		b, err := exec.Command(in.Argv[0], in.Argv[1:]...).Output()
		return string(b), err
	})
	add(s, "big", func(in size) (string, error) {
		return strings.Repeat("0123456789abcdef", in.N/16+1)[:in.N], nil
	})
	add(s, "fail", func(none) (string, error) { return "", errors.New("this tool always fails") })
	if err := s.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		log.Fatal(err)
	}
}
