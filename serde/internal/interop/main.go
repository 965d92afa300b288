// Command interop holds typelog against other people's libraries: every Avro type and logical type is written by each of
// them and read here and the reverse, as data, as container files and as single objects, and Confluent's Python client, KafkaJS and
// franz-go's registry client exchange records with the typed client over a running typelog; the Java client and librdkafka run
// transactions on it. .ci/interop/run installs what it needs and calls it.
//
// A library that cannot do a case, or does it wrong, is listed with its reason in limits.go; a reason that no longer holds is
// an error, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

// tools are what .ci/interop/run has installed.
type tools struct {
	dir     string // work
	scripts string // .ci/interop
	typelog string
	python  string
	node    string // NODE_PATH
	java    string // class path
}

func main() {
	var t tools
	flag.StringVar(&t.dir, "dir", "", "directory to work in")
	flag.StringVar(&t.scripts, "scripts", ".ci/interop", "directory of the programs in other languages")
	flag.StringVar(&t.typelog, "typelog", "bin/typelog", "the binary")
	flag.StringVar(&t.python, "python", "", "a Python that has confluent-kafka, fastavro and avro")
	flag.StringVar(&t.node, "node-path", "", "a node_modules directory with avsc and KafkaJS")
	flag.StringVar(&t.java, "class-path", "", "a class path with Avro for Java, Kafka's client and the compiled programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed := 0
	for _, step := range []struct {
		name string
		run  func(context.Context, tools) (string, error)
	}{
		{"data: Avro for Java", data("java", "Interop", "data")},
		{"data: fastavro", data("python", "data.py", "fastavro")},
		{"data: avro for Python", data("python", "data.py", "avro")},
		{"data: avsc", data("node", "data.js", "data")},
		{"container files: Avro for Java", files("java", "Interop", "files")},
		{"container files: fastavro", files("python", "files.py", "fastavro")},
		{"container files: avro for Python", files("python", "files.py", "avro")},
		{"container files: avsc", files("node", "data.js", "files")},
		{"single objects: Avro for Java", singleObjects},
		{"records: confluent-kafka, KafkaJS, franz-go's sr", records},
		{"transactions: the Java client, librdkafka", transactions},
	} {
		began := time.Now()
		what, err := step.run(ctx, t)
		if err != nil {
			failed++
			fmt.Printf("FAIL  %-54s %v\n", step.name, err)
			continue
		}
		fmt.Printf("ok    %-54s %s (%.1fs)\n", step.name, what, time.Since(began).Seconds())
	}
	if failed > 0 {
		fmt.Printf("%d steps failed\n", failed)
		os.Exit(1)
	}
}

// program runs a program of another language; what it prints goes to standard error.
func (t tools) program(ctx context.Context, language string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var cmd *exec.Cmd
	switch language {
	case "java":
		cmd = exec.CommandContext(ctx, "java", append([]string{"-Xmx256m", "-cp", t.java}, args...)...)
	case "python":
		cmd = exec.CommandContext(ctx, t.python, append([]string{filepath.Join(t.scripts, args[0])}, args[1:]...)...)
	default:
		cmd = exec.CommandContext(ctx, "node", append([]string{filepath.Join(t.scripts, args[0])}, args[1:]...)...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+t.node)
	}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %v: %w", language, args, err)
	}
	return nil
}
