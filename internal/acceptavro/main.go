// Command acceptavro runs Avro's published test vectors, in a directory that its argument names, against this repository's
// Avro: schemas with their canonical forms and fingerprints, container files in every codec, a single-object message. The
// vectors may also lie in a directory "vectors" of it. It prints a line for each kind of vector and exits with 1 if one does not hold. A second argument names a file of JSON lines with
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
		fmt.Fprintln(os.Stderr, "usage: acceptavro DIR [FILE], a directory that has schema-tests.txt, weather.avro and the other vectors of Apache Avro's share/test in it or in vectors")
		os.Exit(2)
	}
	v := vectors{dir: vectorsIn(os.Args[1])}
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

// vectorsIn returns the directory in dir that has the vectors: dir itself, if none is named vectors.
func vectorsIn(dir string) string {
	inner := filepath.Join(dir, "vectors")
	if info, err := os.Stat(inner); err == nil && info.IsDir() {
		return inner
	}
	return dir
}

func (v vectors) path(name string) string { return filepath.Join(v.dir, filepath.FromSlash(name)) }

func (v vectors) read(name string) ([]byte, error) { return os.ReadFile(v.path(name)) }
