// Command judge asks GitOps tools' own code what they make of us.
//
//	judge statuses [HEALTH_CHECKS.yaml] <objects.jsonl  what Flux and kstatus say of each object
//	judge health [--tests FOLDER] <questions.jsonl      what Argo CD says, by a health script
//	judge flux <request.json                            syncs a tree as kustomize-controller does
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what to judge: statuses, health or flux")
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	switch args[0] {
	case "statuses":
		return judgeStatuses(args[1:], os.Stdin, out)
	case "health":
		return judgeHealth(args[1:], os.Stdin, out)
	case "flux":
		var asked syncRequest
		decoder := json.NewDecoder(os.Stdin)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&asked); err != nil {
			return err
		}
		answer, err := syncTree(context.Background(), asked)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(answer)
	}
	return fmt.Errorf("nothing is known of %q", args[0])
}

// eachLine answers every JSON value of the input with one line.
func eachLine[Question any, Answer any](in io.Reader, out io.Writer, answer func(Question) (Answer, error)) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var asked Question
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		said, err := answer(asked)
		if err != nil {
			return err
		}
		if err := encoder.Encode(said); err != nil {
			return err
		}
	}
}
