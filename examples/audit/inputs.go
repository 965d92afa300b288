package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// stdin is the file name that stands for standard input.
const stdin = "-"

// input is a log: files that follow each other, and the name that its events carry.
type input struct {
	source string
	files  []string
}

// inputs names the logs. With a source name all files are one log, in the order given (the parts of a rotated log, say);
// otherwise each is a log of its own, named as the file is, without directories and .gz.
func inputs(source string, files []string) ([]input, error) {
	if len(files) == 0 {
		files = []string{stdin}
	}
	if source != "" {
		return []input{{source, files}}, nil
	}
	var logs []input
	of := map[string]string{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".gz")
		if file == stdin {
			name = "stdin"
		}
		if other, ok := of[name]; ok {
			return nil, fmt.Errorf("%s and %s would both be the source %q: ingest them one by one, with --source NAME", other, file, name)
		}
		of[name] = file
		logs = append(logs, input{name, []string{file}})
	}
	return logs, nil
}
