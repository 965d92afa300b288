package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/codegen"
)

// newGenerateCommand returns "typelog generate": schemas in, one Go package out.
func newGenerateCommand() *cobra.Command {
	var g generator
	cmd := &cobra.Command{
		Use:   "generate --out DIR [--package NAME] [--check] {FILE.avsc|GLOB|DIR… | --registry URL --subject NAME[:VERSION]…}",
		Short: "Generate a Go package from Avro schemas",
		Long: `Generate a Go package from Avro schemas.

Each schema becomes one Go file in --out, beside the others in one package. Schemas may use each other's named types,
in any order. A directory stands for all .avsc files in and below it. With --registry, --subject names schemas there, the
latest version if none is given; what they refer to is fetched and generated too. The package is named by --package, or
after the last part of the first schema's namespace.

Without --out, typelog.yaml (or the file that --config names) maps namespaces to packages:

  schemas: [schemas]                     # if no argument names any
  packages:
    - namespace: shop.events             # and all below it that have no package of their own
      import: example.com/shop/events
      out: events                        # relative to this file
    - namespace: shop.common
      import: example.com/shop/common
      out: common

With --check nothing is written: the command names the files that are not what it would write, and fails.`,
		Example: `  typelog generate --out ./events ./schemas/order.avsc
  typelog generate --out ./events --check ./schemas
  typelog generate --out ./events --registry http://localhost:8081 --subject orders-value:3
  typelog generate --config typelog.yaml
  //go:generate go run github.com/typelog/typelog/cmd/typelog generate --out . order.avsc`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := g.generate(cmd.Context(), args)
			if err != nil {
				return err
			}
			if g.check {
				return checkGenerated(cmd.OutOrStdout(), dirs)
			}
			for _, dir := range dirs {
				if err := writeGenerated(cmd.OutOrStdout(), dir.path, dir.files); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&g.out, "out", "", "directory of the generated package (created if it is missing)")
	flags.StringVar(&g.config, "config", "", "file that maps namespaces to packages (default: typelog.yaml, if it is there and --out is not given)")
	flags.StringVar(&g.opts.Package, "package", "", "name of the package (default: last part of the first schema's namespace)")
	flags.BoolVar(&g.check, "check", false, "write nothing; fail and name the files that are not up to date")
	flags.BoolVar(&g.opts.Pointers, "pointers", false, "make nullable types pointers instead of avro.Opt")
	flags.BoolVar(&g.opts.Tests, "tests", false, "generate tests too: round trip, comparison with another implementation, fuzzing")
	flags.StringVar(&g.registry, "registry", "", "URL of a schema registry to take --subject from")
	flags.StringArrayVar(&g.subjects, "subject", nil, "NAME or NAME:VERSION of a schema in --registry; may be given more than once")
	cmd.MarkFlagsMutuallyExclusive("out", "config")
	cmd.MarkFlagsRequiredTogether("registry", "subject")
	return cmd
}

// generator is what the flags say.
type generator struct {
	out, config, registry string
	subjects              []string
	check                 bool
	opts                  codegen.Options
}

// outputDir is a directory with the files that are generated into it.
type outputDir struct {
	path  string
	files []codegen.File
}

// generate reads all schemas and returns what is generated from them.
func (g *generator) generate(ctx context.Context, args []string) ([]outputDir, error) {
	var config *generateConfig
	if g.out == "" {
		var err error
		if config, err = readConfig(g.config); err != nil {
			return nil, err
		}
		if config == nil {
			return nil, errors.New("where to? give --out DIR, or have a typelog.yaml here")
		}
		if len(args) == 0 && g.registry == "" {
			args = config.schemaPaths()
		}
	}
	sources, err := readSchemas(args)
	if err != nil {
		return nil, err
	}
	if g.registry != "" {
		fetched, err := fetchSubjects(ctx, g.registry, g.subjects)
		if err != nil {
			return nil, err
		}
		sources = append(sources, fetched...)
	}
	if len(sources) == 0 {
		return nil, errors.New("no schema to generate from: name files, globs or directories, or --registry and --subject")
	}
	if config != nil {
		return config.generate(sources, g.opts)
	}
	files, err := codegen.Generate(sources, g.opts)
	return []outputDir{{g.out, files}}, err
}

// maxSchema is the largest schema text that is read, in bytes.
const maxSchema = 16 << 20

// readSchemas reads the schemas that the arguments name, each once, in the order of the arguments and sorted within a
// glob or directory.
func readSchemas(args []string) ([]codegen.Source, error) {
	var sources []codegen.Source
	seen := map[string]bool{}
	for _, arg := range args {
		paths, err := schemaPaths(arg)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if clean := filepath.Clean(path); seen[clean] {
				continue
			} else {
				seen[clean] = true
			}
			text, err := readSchema(path)
			if err != nil {
				return nil, err
			}
			sources = append(sources, codegen.Source{Path: filepath.ToSlash(path), Text: text})
		}
	}
	return sources, nil
}

// schemaPaths returns the files that one argument names.
func schemaPaths(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	switch {
	case err == nil && !info.IsDir():
		return []string{arg}, nil
	case err == nil:
		var paths []string
		err := filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".avsc") {
				paths = append(paths, path)
			}
			return err
		})
		if err == nil && len(paths) == 0 {
			err = fmt.Errorf("%s: no .avsc file in this directory", arg)
		}
		return paths, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	paths, globErr := filepath.Glob(arg)
	if globErr != nil {
		return nil, fmt.Errorf("%s: %w", arg, globErr)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no such file, and no file matches it", arg)
	}
	slices.Sort(paths)
	return paths, nil
}

func readSchema(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSchema+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if len(text) > maxSchema {
		return "", fmt.Errorf("%s: larger than %d bytes, which no schema should be", path, maxSchema)
	}
	return strings.TrimPrefix(string(text), "\ufeff"), nil // a byte order mark, as some editors write it, is no JSON
}

// writeGenerated writes the files that changed. It overwrites only what it generated before.
func writeGenerated(stdout io.Writer, dir string, files []codegen.File) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		old, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(old, f.Data):
			continue
		case err == nil && !bytes.HasPrefix(old, []byte(codegen.Header)):
			return fmt.Errorf("%s was not generated by typelog, so it is not overwritten; move it away, or choose another --out", path)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			return err
		}
		fmt.Fprintln(stdout, path)
	}
	return nil
}

// checkGenerated names the files that are not what would be written.
func checkGenerated(stdout io.Writer, dirs []outputDir) error {
	drift := 0
	for _, dir := range dirs {
		n, err := checkDir(stdout, dir.path, dir.files)
		if err != nil {
			return err
		}
		drift += n
	}
	if drift == 1 {
		return errors.New("a generated file is not up to date; run typelog generate without --check")
	}
	if drift > 1 {
		return fmt.Errorf("%d generated files are not up to date; run typelog generate without --check", drift)
	}
	return nil
}

// checkDir names the files of dir that are not what would be written, and returns how many there are: changed, missing, or
// generated before from a schema that is gone.
func checkDir(stdout io.Writer, dir string, files []codegen.File) (int, error) {
	drift := 0
	report := func(path, what string) {
		drift++
		fmt.Fprintf(stdout, "%s: %s\n", path, what)
	}
	expected := map[string]bool{}
	for _, f := range files {
		expected[f.Name] = true
		path := filepath.Join(dir, f.Name)
		old, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			report(path, "missing")
		case err != nil:
			return drift, err
		case !bytes.Equal(old, f.Data):
			report(path, "not up to date")
		}
	}
	present, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return drift, err
	}
	for _, entry := range present {
		path := filepath.Join(dir, entry.Name())
		isOurs := strings.HasSuffix(entry.Name(), codegen.Suffix) || strings.HasSuffix(entry.Name(), codegen.TestSuffix)
		if expected[entry.Name()] || !isOurs {
			continue
		}
		if old, err := os.ReadFile(path); err != nil {
			return drift, err
		} else if bytes.HasPrefix(old, []byte(codegen.Header)) {
			report(path, "generated from none of these schemas; delete it")
		}
	}
	return drift, nil
}
