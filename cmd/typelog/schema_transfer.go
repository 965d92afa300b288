package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newSchemaExportCommand(c *registryClient) *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Write everything in the registry to a file, one record a line",
		Long: "Write everything in the registry to FILE (- is standard output): all versions, softly deleted ones too, with their\n" +
			"ids, configurations and modes, as the records that Confluent's registry keeps in its topic _schemas, one a line:\n" +
			`{"key":KEY,"value":VALUE}.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := c.send(cmd.Context(), 0, "GET", "/export", "", nil)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if args[0] == "-" {
				_, err = io.Copy(cmd.OutOrStdout(), answer.Body)
				return err
			}
			size, err := replaceFile(args[0], answer.Body)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %d bytes to %s\n", size, args[0])
			return nil
		},
	}
}

// replaceFile writes a file that is there whole or not at all.
func replaceFile(name string, from io.Reader) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	size, err := io.Copy(f, from)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return size, err
}

func newSchemaImportCommand(c *registryClient) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Take in what export wrote, or the records of Confluent's topic _schemas",
		Long: "Take in FILE (- is standard input) with all ids, versions and times: what typelog schema export wrote, or a dump of\n" +
			"the topic _schemas of a Confluent registry, by kafka-console-consumer with keys (--property print.key=true) or by\n" +
			"kcat -J. All of it is taken in or nothing. What is there already stays; what contradicts it is refused.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			answer, err := c.send(cmd.Context(), 0, "POST", "/import", "application/octet-stream", in)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			var done struct{ Versions, Configs, Modes, Unchanged int }
			if err := json.NewDecoder(answer.Body).Decode(&done); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "imported %d versions, %d configurations, %d modes; %d versions were there already\n",
				done.Versions, done.Configs, done.Modes, done.Unchanged)
			return nil
		},
	}
}
