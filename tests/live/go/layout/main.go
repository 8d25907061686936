// SPDX-License-Identifier: Apache-2.0

// layout PROGRAM... prints, from each program's DWARF, what src/io/runtime_go.c has in its table.
package main

import (
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
)

// Where the fields of a struct stand, as "runtime.g.goid".
func offsets(path string) (map[string]int64, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := f.DWARF()
	if err != nil {
		return nil, err
	}
	at := map[string]int64{}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil || e == nil {
			return at, err
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if e.Tag != dwarf.TagStructType || (name != "runtime.g" && name != "runtime.m") {
			continue
		}
		t, err := d.Type(e.Offset)
		if err != nil {
			return nil, err
		}
		for _, field := range t.(*dwarf.StructType).Field {
			at[name+"."+field.Name] = field.ByteOffset
		}
	}
}

func main() {
	for _, path := range os.Args[1:] {
		at, err := offsets(path)
		info, ierr := buildinfo.ReadFile(path)
		if err != nil || ierr != nil {
			fmt.Fprintln(os.Stderr, path, err, ierr)
			os.Exit(1)
		}
		fmt.Printf("%s stack=%d goid=%d parentGoid=%d m=%d m.curg=%d m.incgo=%d\n", info.GoVersion,
			at["runtime.g.stack"], at["runtime.g.goid"], at["runtime.g.parentGoid"], at["runtime.g.m"],
			at["runtime.m.curg"], at["runtime.m.incgo"])
	}
}
