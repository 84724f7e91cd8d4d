// Command crd-oracle asks the API server's own code: are these CRDs valid, and would it create these objects?
//
// usage: crd-oracle CRD.yaml... <objects.jsonl >verdicts.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// request is one line of input. CRD is the metadata.name of one of the files; without an object, the CRD itself is judged.
type request struct {
	CRD    string          `json:"crd"`
	Object json.RawMessage `json:"object"`
}

// verdict is one line of output, in the order of the input; no errors means accepted, and Stored is what the server keeps.
type verdict struct {
	Errors []string       `json:"errors"`
	Stored map[string]any `json:"stored,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crd-oracle:", err)
		os.Exit(1)
	}
}

func run(paths []string, in io.Reader, out io.Writer) error {
	judges := map[string]*judge{}
	for _, path := range paths {
		loaded, err := load(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		judges[loaded.name] = loaded
	}
	decoder, buffered := json.NewDecoder(in), bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for {
		var asked request
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		asker, known := judges[asked.CRD]
		if !known {
			return fmt.Errorf("no file holds the CRD %q", asked.CRD)
		}
		if err := encoder.Encode(asker.answer(asked)); err != nil {
			return err
		}
	}
}

func (j *judge) answer(asked request) verdict {
	found := j.crdErrors
	var stored map[string]any
	if asked.Object != nil && len(found) == 0 {
		stored, found = j.create(asked.Object)
	}
	return verdict{Errors: append([]string{}, found...), Stored: stored}
}
