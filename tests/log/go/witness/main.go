// SPDX-License-Identifier: Apache-2.0

// witness is a C2SP tlog-witness in memory for one log: add-checkpoint, as tlog-witness.md has it.
//
//	witness VKEYS    the log's verifier keys, as DIR/vkeys; read at the first request
//
// The first line on stdout is its submission prefix and its verifier key, then one a request: status, old
// size, new size.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	name        = "witness.example/w1"
	cosignature = 4
)

type witness struct {
	sync.Mutex
	key   ed25519.PrivateKey
	id    []byte
	vkeys string
	seen  tlog.Tree
}

// identity is the log's own key: the one that every checkpoint bears.
func (w *witness) identity() (note.Verifier, error) {
	text, err := os.ReadFile(w.vkeys)
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Fields(string(text)) {
		v, err := note.NewVerifier(line)
		if err == nil && !strings.Contains(v.Name(), "/fs/") {
			return v, nil
		}
	}
	return nil, errors.New("no identity key in " + w.vkeys)
}

type request struct {
	old   int64
	proof tlog.TreeProof
	note  []byte
}

func parse(body []byte) (r request, err error) {
	head, text, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return r, errors.New("no empty line")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if r.old, err = strconv.ParseInt(size, 10, 64); !ok || err != nil || strconv.FormatInt(r.old, 10) != size {
		return r, fmt.Errorf("not an old size line: %q", lines[0])
	}
	if len(lines) > 64 {
		return r, errors.New("more than 63 lines of proof")
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return r, err
		}
		r.proof = append(r.proof, h)
	}
	r.note = text
	return r, nil
}

func parseTree(text string) (origin string, t tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return "", t, fmt.Errorf("no checkpoint: %q", text)
	}
	if t.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", t, err
	}
	t.Hash, err = tlog.ParseHash(lines[2])
	return lines[0], t, err
}

// add answers a request: status, what is said, the new size.
func (w *witness) add(body []byte) (int, string, request, tlog.Tree) {
	r, err := parse(body)
	if err != nil {
		return 400, err.Error() + "\n", r, tlog.Tree{}
	}
	log, err := w.identity()
	if err != nil {
		return 500, err.Error() + "\n", r, tlog.Tree{}
	}
	origin, _, _ := strings.Cut(string(r.note), "\n")
	if origin != log.Name() {
		return 404, "no such log\n", r, tlog.Tree{}
	}
	n, err := note.Open(r.note, note.VerifierList(log))
	if err != nil {
		return 403, err.Error() + "\n", r, tlog.Tree{}
	}
	_, tree, err := parseTree(n.Text)
	if err != nil || r.old > tree.N {
		return 400, "not a checkpoint, or older\n", r, tree
	}
	if r.old != w.seen.N || (r.old == tree.N && r.old > 0 && tree.Hash != w.seen.Hash) {
		return 409, fmt.Sprintf("%d\n", w.seen.N), r, tree
	}
	if r.old == 0 && len(r.proof) > 0 {
		return 422, "a proof of nothing\n", r, tree
	}
	if r.old > 0 && r.old < tree.N {
		if err := tlog.CheckTree(r.proof, tree.N, tree.Hash, r.old, w.seen.Hash); err != nil {
			return 422, err.Error() + "\n", r, tree
		}
	}
	w.seen = tree
	now := uint64(time.Now().Unix())
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", now, n.Text)
	sig := append(bytes.Clone(w.id), binary.BigEndian.AppendUint64(nil, now)...)
	sig = append(sig, ed25519.Sign(w.key, []byte(message))...)
	return 200, fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(sig)), r, tree
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: witness VKEYS")
		os.Exit(2)
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	raw := append([]byte{cosignature}, pub...)
	id := sha256.Sum256(append([]byte(name+"\n"), raw...))
	w := &witness{key: key, id: id[:4], vkeys: os.Args[1]}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/prefix/ %s+%x+%s\n", l.Addr(), name, id[:4], base64.StdEncoding.EncodeToString(raw))
	http.HandleFunc("POST /prefix/add-checkpoint", func(rw http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(io.LimitReader(req.Body, 1<<16))
		if err != nil {
			return
		}
		w.Lock()
		defer w.Unlock()
		status, said, r, tree := w.add(body)
		if status == 409 {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
		}
		rw.WriteHeader(status)
		io.WriteString(rw, said)
		fmt.Println(status, r.old, tree.N)
	})
	panic(http.Serve(l, nil))
}
