// SPDX-License-Identifier: Apache-2.0

// logcheck holds mcpwatch's sealed log against software that mcpwatch shares nothing with.
//
//	logcheck log DIR [VKEYS]          sumdb/note and sumdb/tlog: every seal, every record, proofs of some
//	logcheck proof FILE RECORD VKEYS  a tlog-proof and its record: transparency-dev's formats and merkle
//	logcheck bundles DIR              writes tile/entries/, which Tessera's fsck wants, into DIR (a copy)
//
// VKEYS: identity's and epoch 0's verifier key, as DIR/vkeys. What is right ends in one line on stdout.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkpoint is what a note says: "origin\nsize\nroot\n".
type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func parseCheckpoint(text string) (c checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return c, fmt.Errorf("not three lines: %q", text)
	}
	c.origin = lines[0]
	if _, err = fmt.Sscanf(lines[1], "%d", &c.tree.N); err != nil || fmt.Sprint(c.tree.N) != lines[1] {
		return c, fmt.Errorf("size %q", lines[1])
	}
	c.tree.Hash, err = tlog.ParseHash(lines[2])
	return c, err
}

// open demands the signatures of all of these keys.
func open(text []byte, keys ...note.Verifier) (checkpoint, error) {
	n, err := note.Open(text, note.VerifierList(keys...))
	if err != nil {
		return checkpoint{}, err
	}
	if len(n.Sigs) != len(keys) {
		return checkpoint{}, fmt.Errorf("%d of %d signatures", len(n.Sigs), len(keys))
	}
	return parseCheckpoint(n.Text)
}

// readKeys takes the enrolled keys apart: epoch 0's name ends in /fs/0.
func readKeys(file string) (identity, epoch note.Verifier, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	for _, line := range strings.Fields(string(text)) {
		v, err := note.NewVerifier(line)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", line, err)
		}
		if strings.HasSuffix(v.Name(), "/fs/0") {
			epoch = v
		} else {
			identity = v
		}
	}
	if identity == nil || epoch == nil {
		return nil, nil, errors.New("not both keys in " + file)
	}
	return identity, epoch, nil
}

// hashes keeps every stored hash of a tree in memory.
type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		if x >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d of %d", x, len(h))
		}
		out[i] = h[x]
	}
	return out, nil
}

// files reads tiles from a folder as they are.
type files string

func (files) Height() int { return 8 }

func (d files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := os.ReadFile(string(d) + "/" + tilePath(t))
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

func (files) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is tlog's without the height: tile/8/0/000 is tile/0/000 in tlog-tiles.
func tilePath(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/")
}

type seal struct {
	Epoch      int64  `json:"epoch"`
	Checkpoint string `json:"checkpoint"`
}

type record struct {
	Seq      int64  `json:"seq"`
	Type     string `json:"type"`
	Epoch    int64  `json:"epoch"`
	NextVkey string `json:"next_vkey"`
}

// checker goes through the records once and opens each seal where its tree ends.
type checker struct {
	identity, epoch note.Verifier
	seals           []seal
	stored          hashes
	n               int64
	trees           []checkpoint
}

func (c *checker) add(line []byte) error {
	h, err := tlog.StoredHashes(c.n, line, c.stored)
	if err != nil {
		return err
	}
	c.stored = append(c.stored, h...)
	c.n++
	var r record
	if err := json.Unmarshal(line, &r); err != nil || r.Seq != c.n-1 {
		return fmt.Errorf("record %d: calls itself %d: %v", c.n-1, r.Seq, err)
	}
	if r.Type != "seal" || len(c.trees) == len(c.seals) {
		return nil
	}
	s := c.seals[len(c.trees)]
	cp, err := open([]byte(s.Checkpoint), c.identity, c.epoch)
	if err != nil {
		return fmt.Errorf("seal %d: %w", s.Epoch, err)
	}
	want, err := tlog.TreeHash(c.n, c.stored)
	if err != nil {
		return err
	}
	if s.Epoch != int64(len(c.trees)) || r.Epoch != s.Epoch || cp.tree.N != c.n || cp.tree.Hash != want {
		return fmt.Errorf("seal %d: of epoch %d, %d records, %v; found epoch %d, %d, %v", len(c.trees), s.Epoch,
			cp.tree.N, cp.tree.Hash, r.Epoch, c.n, want)
	}
	c.trees = append(c.trees, cp)
	c.epoch, err = note.NewVerifier(r.NextVkey)
	return err
}

// proofs of some records against the last tree, and of every 50th seal, read from the tiles on disk; tlog
// checks each tile it reads against the root.
func (c *checker) proofs(dir string) (int, error) {
	last := c.trees[len(c.trees)-1].tree
	tiles := tlog.TileHashReader(last, files(dir))
	count := 0
	for n := int64(0); n < last.N; n += 1 + last.N/997 {
		p, err := tlog.ProveRecord(last.N, n, tiles)
		if err != nil {
			return 0, fmt.Errorf("record %d: %w", n, err)
		}
		leaf := c.stored[tlog.StoredHashIndex(0, n)]
		if err := tlog.CheckRecord(p, last.N, last.Hash, n, leaf); err != nil {
			return 0, fmt.Errorf("record %d: %w", n, err)
		}
		path := make([][]byte, len(p))
		for i := range p {
			path[i] = p[i][:]
		}
		if err := merkle.VerifyInclusion(rfc6962.DefaultHasher, uint64(n), uint64(last.N), leaf[:], path,
			last.Hash[:]); err != nil {
			return 0, fmt.Errorf("record %d: merkle: %w", n, err)
		}
		count++
	}
	for i := 0; i < len(c.trees); i += 1 + len(c.trees)/97 {
		old := c.trees[i].tree
		p, err := tlog.ProveTree(last.N, old.N, tiles)
		if err != nil {
			return 0, fmt.Errorf("seal %d: %w", i, err)
		}
		if err := tlog.CheckTree(p, last.N, last.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("seal %d: %w", i, err)
		}
		count++
	}
	return count, nil
}

// everyTile compares all tiles of the last tree with what its records make.
func (c *checker) everyTile(dir string) (int, error) {
	tiles := tlog.NewTiles(8, 0, c.trees[len(c.trees)-1].tree.N)
	for _, t := range tiles {
		want, err := tlog.ReadTileData(t, c.stored)
		if err != nil {
			return 0, err
		}
		got, err := os.ReadFile(dir + "/" + tilePath(t))
		if err != nil || !bytes.Equal(got, want) {
			return 0, fmt.Errorf("%s: differs: %v", tilePath(t), err)
		}
	}
	return len(tiles), nil
}

func checkLog(dir, keys string) error {
	var c checker
	var err error
	if c.identity, c.epoch, err = readKeys(keys); err != nil {
		return err
	}
	if c.seals, err = readSeals(dir); err != nil {
		return err
	}
	if err = eachLine(dir, c.add); err != nil {
		return err
	}
	if len(c.trees) == 0 || len(c.trees) != len(c.seals) {
		return fmt.Errorf("%d of %d seals have their record", len(c.trees), len(c.seals))
	}
	newest, err := os.ReadFile(dir + "/checkpoint")
	if err != nil || string(newest) != c.seals[len(c.seals)-1].Checkpoint {
		return fmt.Errorf("checkpoint is not the last seal: %v", err)
	}
	origin, err := os.ReadFile(dir + "/origin")
	if err != nil || strings.TrimSuffix(string(origin), "\n") != c.trees[0].origin {
		return fmt.Errorf("origin %q: %v", origin, err)
	}
	tiles, err := c.everyTile(dir)
	if err != nil {
		return err
	}
	count, err := c.proofs(dir)
	if err != nil {
		return err
	}
	fmt.Printf("accepted: %d records, %d seals, %d sealed records, %d tiles, %d proofs\n", c.n, len(c.seals),
		c.trees[len(c.trees)-1].tree.N, tiles, count)
	return nil
}

func checkProof(file, recordFile, keys string) error {
	identity, _, err := readKeys(keys)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var p proof.TLogProof
	if err := p.Unmarshal(text); err != nil {
		return err
	}
	cp, err := open(p.Checkpoint, identity)
	if err != nil {
		return err
	}
	line, err := os.ReadFile(recordFile)
	if err != nil {
		return err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	path := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		path[i] = p.Hashes[i][:]
	}
	hasher := rfc6962.DefaultHasher
	if err := merkle.VerifyInclusion(hasher, p.Index, uint64(cp.tree.N), hasher.HashLeaf(line), path,
		cp.tree.Hash[:]); err != nil {
		return err
	}
	fmt.Printf("accepted: record %d of %d\n", p.Index, cp.tree.N)
	return nil
}

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "log":
		err = checkLog(os.Args[2], os.Args[2]+"/vkeys")
	case len(os.Args) == 4 && os.Args[1] == "log":
		err = checkLog(os.Args[2], os.Args[3])
	case len(os.Args) == 5 && os.Args[1] == "proof":
		err = checkProof(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 3 && os.Args[1] == "bundles":
		err = writeBundles(os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: logcheck log DIR [VKEYS] | proof FILE RECORD VKEYS | bundles DIR")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "logcheck:", err)
		os.Exit(1)
	}
}
