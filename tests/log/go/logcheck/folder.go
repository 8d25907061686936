// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/transparency-dev/tessera/api/layout"
)

func readSeals(dir string) ([]seal, error) {
	text, err := os.ReadFile(dir + "/seals.jsonl")
	if err != nil {
		return nil, err
	}
	var seals []seal
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		var s seal
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			return nil, fmt.Errorf("seals.jsonl: line %d: %w", len(seals)+1, err)
		}
		seals = append(seals, s)
	}
	return seals, nil
}

// eachLine gives the records in order; a last line without its end is none.
func eachLine(dir string, f func([]byte) error) error {
	names, err := filepath.Glob(dir + "/seg/*.jsonl*")
	if err != nil {
		return err
	}
	sort.Strings(names)
	for i, name := range names {
		if i > 0 && name == names[i-1]+".zst" {
			continue // a crash after it was compressed
		}
		if err := eachOf(name, f); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

func eachOf(name string, f func([]byte) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	var in io.Reader = file
	if strings.HasSuffix(name, ".zst") {
		z, err := zstd.NewReader(file)
		if err != nil {
			return err
		}
		defer z.Close()
		in = z
	}
	r := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(line[:len(line)-1]); err != nil {
			return err
		}
	}
}

// writeBundles puts the sealed records where tlog-tiles has them: 256 a file, each behind its length.
func writeBundles(dir string) error {
	text, err := os.ReadFile(dir + "/checkpoint")
	if err != nil {
		return err
	}
	body, _, _ := strings.Cut(string(text), "\n\n")
	cp, err := parseCheckpoint(body + "\n")
	if err != nil {
		return err
	}
	var bundle []byte
	n := int64(0)
	return eachLine(dir, func(line []byte) error {
		if n == cp.tree.N {
			return nil
		}
		if len(line) > 65535 {
			return fmt.Errorf("record %d is too long for a bundle", n)
		}
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(line)))
		bundle = append(bundle, line...)
		n++
		if n%256 != 0 && n != cp.tree.N {
			return nil
		}
		path := filepath.Join(dir, layout.EntriesPath(uint64(n-1)/256, uint8(n%256)))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		err := os.WriteFile(path, bundle, 0o600)
		bundle = bundle[:0]
		return err
	})
}
