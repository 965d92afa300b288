// Command bench measures the registry over HTTP against bare handlers that write constants, how fast it registers, and
// what many versions cost, and says which of the targets hold. make bench-registry runs it. Everything happens in this
// process and in a temporary directory: the ratios say more than the figures.
package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/typelog/typelog/registry"
)

func main() {
	length := flag.Duration("length", 2*time.Second, "how long one measurement takes")
	rounds := flag.Int("rounds", 5, "how often registry and constant are measured in turns")
	versions := flag.Int("versions", 100_000, "how many versions the last part registers, ten to a subject")
	dir := flag.String("dir", "", "where the databases go; by default the system's temporary directory")
	flag.Parse()
	missed, err := run(*length, *rounds, *versions, *dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Printf("\n%d targets are missed.\n", missed)
	}
}

func run(length time.Duration, rounds, versions int, parent string) (missed int, err error) {
	dir, err := os.MkdirTemp(parent, "bench-registry")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var r report
	for _, part := range []func() error{
		func() error { return serving(&r, dir, length, rounds) },
		func() error { return registering(&r, dir, length) },
		func() error { return growing(&r, dir, versions) },
	} {
		if err := part(); err != nil {
			return r.missed, err
		}
	}
	return r.missed, nil
}

// open opens a registry on a new directory, with listeners where it is to serve.
func open(dir string, listen ...string) (*registry.Registry, error) {
	if listen == nil {
		listen = []string{}
	}
	return registry.New(registry.Config{DataDir: dir, Listen: listen, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// report prints figures as they come and counts the targets that are missed.
type report struct{ missed int }

func (r *report) line(what, figure string) { fmt.Printf("%-58s %14s\n", what, figure) }

func (r *report) target(what, figure, target string, met bool) {
	verdict := "met"
	if !met {
		verdict = "MISSED"
		r.missed++
	}
	fmt.Printf("%-58s %14s   target %s: %s\n", what, figure, target, verdict)
}
