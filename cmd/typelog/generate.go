package main

import (
	"bytes"
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
	var out, registryURL string
	var subjects []string
	var check bool
	var opts codegen.Options
	cmd := &cobra.Command{
		Use:   "generate --out DIR [--package NAME] [--check] {FILE.avsc|GLOB|DIR… | --registry URL --subject NAME[:VERSION]…}",
		Short: "Generate a Go package from Avro schemas",
		Long: `Generate a Go package from Avro schemas.

Each schema becomes one Go file in --out, beside the others in one package. Schemas may use each other's named types,
in any order. A directory stands for all .avsc files in and below it. With --registry, --subject names schemas there, the
latest version if none is given; what they refer to is fetched and generated too. The package is named by --package, or
after the last part of the first schema's namespace.

With --check nothing is written: the command names the files that are not what it would write, and fails.`,
		Example: `  typelog generate --out ./events ./schemas/order.avsc
  typelog generate --out ./events --check ./schemas
  typelog generate --out ./events --registry http://localhost:8081 --subject orders-value:3
  //go:generate go run github.com/typelog/typelog/cmd/typelog generate --out . order.avsc`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sources, err := readSchemas(args)
			if err != nil {
				return err
			}
			if (registryURL == "") != (len(subjects) == 0) {
				return errors.New("--registry and --subject belong together: where from, and what")
			}
			if registryURL != "" {
				fetched, err := fetchSubjects(cmd.Context(), registryURL, subjects)
				if err != nil {
					return err
				}
				sources = append(sources, fetched...)
			}
			if len(sources) == 0 {
				return errors.New("no schema to generate from: name files, globs or directories, or --registry and --subject")
			}
			files, err := codegen.Generate(sources, opts)
			if err != nil {
				return err
			}
			if check {
				return checkGenerated(cmd.OutOrStdout(), out, files)
			}
			return writeGenerated(cmd.OutOrStdout(), out, files)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "directory of the generated package (created if it is missing)")
	flags.StringVar(&opts.Package, "package", "", "name of the package (default: last part of the first schema's namespace)")
	flags.BoolVar(&check, "check", false, "write nothing; fail and name the files that are not up to date")
	flags.BoolVar(&opts.Pointers, "pointers", false, "make nullable types pointers instead of avro.Opt")
	flags.BoolVar(&opts.Tests, "tests", false, "generate tests too: round trip, comparison with another implementation, fuzzing")
	flags.StringVar(&registryURL, "registry", "", "URL of a schema registry to take --subject from")
	flags.StringArrayVar(&subjects, "subject", nil, "NAME or NAME:VERSION of a schema in --registry; may be given more than once")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err) // only if there is no such flag
	}
	return cmd
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
	return string(text), nil
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

// checkGenerated names the files of dir that are not what would be written: changed, missing, or generated before
// from a schema that is gone.
func checkGenerated(stdout io.Writer, dir string, files []codegen.File) error {
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
			return err
		case !bytes.Equal(old, f.Data):
			report(path, "not up to date")
		}
	}
	present, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range present {
		path := filepath.Join(dir, entry.Name())
		isOurs := strings.HasSuffix(entry.Name(), codegen.Suffix) || strings.HasSuffix(entry.Name(), codegen.TestSuffix)
		if expected[entry.Name()] || !isOurs {
			continue
		}
		if old, err := os.ReadFile(path); err != nil {
			return err
		} else if bytes.HasPrefix(old, []byte(codegen.Header)) {
			report(path, "generated from none of these schemas; delete it")
		}
	}
	if drift == 1 {
		return errors.New("a generated file is not up to date; run typelog generate without --check")
	}
	if drift > 1 {
		return fmt.Errorf("%d generated files are not up to date; run typelog generate without --check", drift)
	}
	return nil
}
