package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// File is a configuration file, and what flags fill where there is none.
//
//	data: /var/lib/typelog
//	log_level: info
//	listeners:
//	  - {name: PLAINTEXT, bind: "localhost:9092", advertise: "kafka.example:9092"}
//	registry: {bind: "localhost:8081", compat: 8}
//	settings:
//	  num.partitions: 3
type File struct {
	Data      string            `yaml:"data"`
	LogLevel  string            `yaml:"log_level"`
	Listeners []FileListener    `yaml:"listeners"`
	Registry  FileRegistry      `yaml:"registry"`
	Settings  map[string]string `yaml:"settings"`
}

// FileListener is an address of the broker. Clients that come in by it are told Advertise, or the address bound.
type FileListener struct {
	Name      string `yaml:"name"`
	Bind      string `yaml:"bind"`
	Advertise string `yaml:"advertise"`
}

// FileRegistry is where the registry listens, for whom, and how it answers.
type FileRegistry struct {
	Bind string `yaml:"bind"`
	// Compat is the major version of Confluent's registry whose answers are given: 8 (or 0), or 7 for older clients.
	Compat int `yaml:"compat"`
	// Users names a file of users; without it anybody may do anything.
	Users string `yaml:"users"`
	// Cert and Key name PEM files; with them the registry serves HTTPS.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// ReadFile reads a configuration file; an empty name is an empty file. A key that it does not know is an error that
// names the line.
func ReadFile(name string) (File, error) {
	var f File
	if name == "" {
		return f, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return f, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return f, err
	}
	if len(text) > maxFile {
		return f, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return f, fmt.Errorf("%s: %s", name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return f, nil
}
