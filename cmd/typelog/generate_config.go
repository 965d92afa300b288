package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/typelog/typelog/codegen"
)

// configName is the configuration that is used if neither --out nor --config is given.
const configName = "typelog.yaml"

// generateConfig is typelog.yaml: which namespaces become which packages. Paths are relative to the file's directory.
type generateConfig struct {
	Schemas  []string          `yaml:"schemas"`
	Pointers bool              `yaml:"pointers"`
	Tests    bool              `yaml:"tests"`
	Packages []configuredTypes `yaml:"packages"`

	dir string
}

// configuredTypes is one package.
type configuredTypes struct {
	Namespace string `yaml:"namespace"`
	Import    string `yaml:"import"`
	Out       string `yaml:"out"`
	Package   string `yaml:"package"`
}

// readConfig reads a configuration. With an empty path it looks for typelog.yaml here and returns nil if there is none.
func readConfig(path string) (*generateConfig, error) {
	optional := path == ""
	if optional {
		path = configName
	}
	text, err := os.ReadFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &generateConfig{dir: filepath.Dir(path)}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(c.Packages) == 0 {
		return nil, fmt.Errorf("%s: no packages: list them, each with namespace, import and out", path)
	}
	outs := map[string]bool{}
	for i, p := range c.Packages {
		out := filepath.Clean(p.Out)
		if p.Out == "" || p.Import == "" || outs[out] {
			return nil, fmt.Errorf("%s: packages[%d]: a package has an import path, and a directory (out) to itself", path, i)
		}
		outs[out] = true
	}
	return c, nil
}

// schemaPaths returns what the configuration generates from.
func (c *generateConfig) schemaPaths() []string {
	var out []string
	for _, s := range c.Schemas {
		out = append(out, filepath.Join(c.dir, filepath.FromSlash(s)))
	}
	return out
}

// generate returns the files of all packages by their directory, in the order of the configuration.
func (c *generateConfig) generate(sources []codegen.Source, opts codegen.Options) ([]outputDir, error) {
	var packages []codegen.Package
	dirs := make([]outputDir, len(c.Packages))
	at := map[string]int{}
	for i, p := range c.Packages {
		packages = append(packages, codegen.Package{Namespace: p.Namespace, Import: p.Import, Name: p.Package})
		dirs[i].path = filepath.Join(c.dir, filepath.FromSlash(p.Out))
		at[p.Import] = i
	}
	opts.Pointers = opts.Pointers || c.Pointers
	opts.Tests = opts.Tests || c.Tests
	files, err := codegen.GeneratePackages(sources, packages, opts)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		dir := &dirs[at[f.Package.Import]]
		dir.files = append(dir.files, f.File)
	}
	return dirs, nil
}
