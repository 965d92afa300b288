// Command acceptavro runs Avro's published test vectors, in a directory that its argument names, against this repository's
// Avro: schemas with their canonical forms and fingerprints, container files in every codec, a single-object message. It
// prints a line for each kind of vector and exits with 1 if one does not hold. A second argument names a file of JSON lines with
// schemas that a registry was asked to take ({"schema": …, "status": 200 if it did}): the generic codec must be able to
// handle data of each, or refuse it by name. make accept-avro runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 && len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: acceptavro DIR [FILE], a directory with schema-tests.txt, weather.avro and the other vectors of Apache Avro's share/test")
		os.Exit(2)
	}
	v := vectors{dir: os.Args[1]}
	checked := 0
	failed := 0
	steps := []step{
		{"canonical forms and fingerprints", v.fingerprints},
		{"container files of the weather, by codec", v.weather},
		{"other container files", v.files},
		{"files that must be refused", v.refused},
		{"schemas", v.schemas},
		{"a value of the interop schema, by codec", v.interop},
		{"single-object messages", v.message},
	}
	if len(os.Args) == 3 {
		steps = append(steps, step{"schemas of a registry, with random data", func() (int, error) { return registered(os.Args[2]) }})
	}
	for _, step := range steps {
		n, err := step.run()
		if err == nil && n == 0 {
			err = fmt.Errorf("found none in %s", v.dir)
		}
		if err != nil {
			failed++
			fmt.Printf("FAIL  %-42s %v\n", step.name, err)
			continue
		}
		checked += n
		fmt.Printf("ok    %-42s %d\n", step.name, n)
	}
	if failed > 0 {
		fmt.Printf("%d kinds of vectors do not hold.\n", failed)
		os.Exit(1)
	}
	fmt.Printf("%d vectors hold.\n", checked)
}

// step checks vectors of one kind and returns how many.
type step struct {
	name string
	run  func() (int, error)
}

// vectors are the files of a directory.
type vectors struct{ dir string }

func (v vectors) path(name string) string { return filepath.Join(v.dir, filepath.FromSlash(name)) }

func (v vectors) read(name string) ([]byte, error) { return os.ReadFile(v.path(name)) }
