package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// The first process of the namespaces that the cluster lives in. The kernel ends all others with it, and the namespaces'
// mounts, devices and iptables rules after them.
type machine struct {
	// Commands that have to succeed, one after another, before any program starts.
	Setup [][]string
	// Programs that are started side by side, and again whenever they end.
	Programs []program
	// End with the process that holds the other end of stdin.
	Attached bool
}

type program struct {
	Command []string
	// The file that stdout and stderr are appended to.
	Log string
}

const restartDelay = time.Second

// Says `ready` on stdout once it is the first process, then reads the machine from stdin as JSON: a starter that dies
// meanwhile leaves half a document, and with it nothing at all.
func runMachine() {
	fmt.Println("ready")
	if err := superviseMachine(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func superviseMachine() error {
	var spec machine
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return fmt.Errorf("stdin has no whole machine: %w", err)
	}
	for _, command := range spec.Setup {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w: %s", command, err, output)
		}
	}
	if spec.Attached {
		go func() {
			_, err := io.Copy(io.Discard, os.Stdin)
			fmt.Fprintln(os.Stderr, "stdin has ended, and the machine with it", err)
			os.Exit(0)
		}()
	}
	running := map[int]program{}
	for _, program := range spec.Programs {
		pid, err := program.start()
		if err != nil {
			return err
		}
		running[pid] = program
	}
	for {
		// Orphans are handed to the first process of their namespace, and are zombies until it asks for them.
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait4: %w", err)
		}
		ended, known := running[pid]
		if !known {
			continue
		}
		delete(running, pid)
		time.Sleep(restartDelay)
		if pid, err = ended.start(); err != nil {
			return err
		}
		running[pid] = ended
	}
}

func (p program) start() (int, error) {
	path, err := exec.LookPath(p.Command[0])
	if err != nil {
		return 0, err
	}
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer nothing.Close()
	log, err := os.OpenFile(p.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	return syscall.ForkExec(path, p.Command, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{nothing.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}
