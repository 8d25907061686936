// SPDX-License-Identifier: Apache-2.0

// links files|http|group|exec FOLDER PORT: the server of tests/bench/links in Go (see plan.py there).
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/sync/errgroup"
)

type args struct {
	Delays []float64 `json:"delays"`
	Key    string    `json:"key,omitempty"`
	Note   string    `json:"note,omitempty"`
	Make   string    `json:"make,omitempty"`
	Read   string    `json:"read,omitempty"`
	Old    string    `json:"old,omitempty"`
	New    string    `json:"new,omitempty"`
	Drop   string    `json:"drop,omitempty"`
	Child  string    `json:"child,omitempty"`
	Get    string    `json:"get,omitempty"`
	Delete string    `json:"delete,omitempty"`
}

var kind, folder, port = os.Args[1], os.Args[2], os.Args[3]
var fresh = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// What is not named is derived from the key.
func (a *args) derive() {
	hash := func(what string) [32]byte { return sha256.Sum256([]byte(a.Key + ":" + what)) }
	for what, p := range map[string]*string{"make": &a.Make, "read": &a.Read, "old": &a.Old, "new": &a.New,
		"drop": &a.Drop, "child": &a.Child} {
		if *p == "" {
			d := hash(what)
			*p = fmt.Sprintf("%s/%s-%x", folder, what, d[:12])
		}
	}
	if a.Get == "" {
		d := hash("get")
		a.Get = fmt.Sprintf("http://127.0.0.1:%s/%x", port, d[:12])
	}
	if a.Delete == "" {
		d := hash("delete")
		a.Delete = fmt.Sprintf("http://127.%d.%d.%d:%s/%x", 2+d[0]%250, d[1], 1+d[2]%254, port, d[:12])
	}
}

func wait(ms float64) { time.Sleep(time.Duration(ms * float64(time.Millisecond))) }

func request(c *http.Client, method, url string) error {
	q, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err
	}
	r, err := c.Do(q)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// Every other time by way of a shell that waits for it.
func touch(path string) error {
	if strings.Contains("02468ace", path[len(path)-1:]) {
		return exec.Command("touch", path).Run()
	}
	return exec.Command("sh", "-c", `touch "$1"; exit 0`, "sh", path).Run()
}

func steps(fs ...func() error) error {
	for _, f := range fs {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func work(a *args) error {
	make := func() error { return os.WriteFile(a.Make, []byte("made\n"), 0o644) }
	read := func() error { _, err := os.ReadFile(a.Read); return err }
	rename := func() error { return os.Rename(a.Old, a.New) }
	drop := func() error { return os.Remove(a.Drop) }
	pause := func(i int) func() error { return func() error { wait(a.Delays[i]); return nil } }
	switch kind {
	case "group":
		wait(a.Delays[0])
		var g errgroup.Group
		g.Go(make)
		g.Go(func() error { return steps(pause(1), read, rename) })
		g.Go(func() error { return steps(pause(2), drop) })
		defer wait(a.Delays[3])
		return g.Wait()
	case "http":
		get := func() error { return request(http.DefaultClient, "GET", a.Get) }
		del := func() error { return request(fresh, "DELETE", a.Delete) }
		return steps(pause(0), make, get, pause(1), read, rename, pause(2), drop, del, pause(3))
	case "exec":
		child := func() error { return touch(a.Child) }
		return steps(pause(0), make, pause(1), read, rename, pause(2), drop, child, pause(3))
	}
	return steps(pause(0), make, pause(1), read, rename, pause(2), drop, pause(3))
}

func background() {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s/background-%d-", folder, i)
		url := fmt.Sprintf("http://127.0.0.1:%s/background-%d", port, i)
		a := &args{Delays: []float64{10, 3, 3, 10}, Make: name + "make", Read: name + "read", Old: name + "old",
			New: name + "new", Drop: name + "drop", Child: name + "child", Get: url, Delete: url}
		err := steps(func() error { return os.WriteFile(a.Read, nil, 0o644) }, func() error { return os.WriteFile(a.Old, nil, 0o644) },
			func() error { return os.WriteFile(a.Drop, nil, 0o644) }, func() error { return work(a) })
		if err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	s := mcp.NewServer(&mcp.Implementation{Name: "links-go", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "work"}, func(_ context.Context, _ *mcp.CallToolRequest, in args) (*mcp.CallToolResult, any, error) {
		in.derive()
		if err := work(&in); err != nil {
			return nil, nil, err
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done"}}}, nil, nil
	})
	go background()
	if err := s.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		log.Fatal(err)
	}
}
