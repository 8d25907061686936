// SPDX-License-Identifier: Apache-2.0

// tasks DIR acts as goroutines that say who they are: each opens files in DIR, which are not there, named
// "g<goid>.p<goid of its parent>.<n>". The parent is 0 where the runtime does not keep it (before 1.21).
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	goroutines = 64
	steps      = 23
	programs   = 5
)

// A stack begins with "goroutine N [running]:" and ends with "created by F in goroutine P".
func who() (id, parent uint64) {
	buf := make([]byte, 1<<14)
	buf = buf[:runtime.Stack(buf, false)]
	field := bytes.Fields(buf)
	id, _ = strconv.ParseUint(string(field[1]), 10, 64)
	mark := []byte(" in goroutine ")
	if i := bytes.LastIndex(buf, mark); i >= 0 {
		field = bytes.Fields(buf[i+len(mark):])
		parent, _ = strconv.ParseUint(string(field[0]), 10, 64)
	}
	return id, parent
}

func act(dir string, n int) {
	id, parent := who()
	for i := 0; i < n; i++ {
		_, err := os.Open(fmt.Sprintf("%s/g%d.p%d.%d", dir, id, parent, i))
		if !os.IsNotExist(err) {
			panic(err)
		}
		switch i % 4 {
		case 0:
			runtime.Gosched()
		case 1:
			time.Sleep(time.Duration(id%7) * 100 * time.Microsecond)
		case 2:
			deep(50) // the stack moves
		}
	}
}

func deep(n int) byte {
	var b [1024]byte
	b[n%1024] = byte(n)
	if n > 0 {
		b[0] += deep(n - 1)
	}
	return b[0]
}

func main() {
	dir := os.Args[1]
	syscall.Kill(os.Getpid(), syscall.SIGSTOP) // until it is known what this is
	var all sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		i := i
		all.Add(1)
		go func() {
			defer all.Done()
			act(dir, steps)
			done := make(chan bool)
			go func() {
				act(dir, steps)
				id, _ := who()
				foreign(dir, id)
				done <- true
			}()
			<-done
			if i < programs {
				id, _ := who()
				missing := exec.Cmd{Path: fmt.Sprintf("%s/x%d", dir, id)}
				if missing.Run() == nil {
					panic("it is there")
				}
				if err := exec.Command("/bin/true", fmt.Sprint("g", id)).Run(); err != nil {
					panic(err)
				}
			}
			act(dir, steps)
		}()
	}
	all.Wait()
}
