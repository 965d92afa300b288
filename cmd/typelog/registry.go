package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/internal/datadir"
	"github.com/typelog/typelog/internal/node"
	"github.com/typelog/typelog/registry"
)

// registryFlags say how a registry answers and whom it lets in.
type registryFlags struct{ node.FileRegistry }

// add adds the flags; compat is the name of the one for older answers.
func (f *registryFlags) add(cmd *cobra.Command, compat string) {
	cmd.Flags().IntVar(&f.Compat, compat, 8, "version of Confluent's registry whose answers are given: 8, or 7 for older clients")
	cmd.Flags().StringVar(&f.Users, "registry-users", "", "file of users with rights, one a line: NAME HASH RIGHT...; without it anybody may do anything")
	cmd.Flags().StringVar(&f.Cert, "registry-cert", "", "PEM file of a certificate chain: the registry serves HTTPS")
	cmd.Flags().StringVar(&f.Key, "registry-key", "", "PEM file of the certificate's key")
}

// fill takes what was given as a flag over to where a file has said it already, or not.
func (f *registryFlags) fill(to *node.FileRegistry, given func(string) bool) {
	if given("registry-compat") || to.Compat == 0 {
		to.Compat = f.Compat
	}
	for flag, place := range map[string]struct{ from, to *string }{
		"registry-users": {&f.Users, &to.Users}, "registry-cert": {&f.Cert, &to.Cert}, "registry-key": {&f.Key, &to.Key},
	} {
		if given(flag) {
			*place.to = *place.from
		}
	}
}

func newRegistryCommand() *cobra.Command {
	var data, address, level string
	var flags registryFlags
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Start the schema registry alone, in the foreground",
		Long: "Start the schema registry alone, in the foreground, until SIGINT or SIGTERM. Any client of a Confluent Schema\n" +
			"Registry can use it. It keeps its schemas in registry.db in the data directory.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			log, err := newLogger(cmd, level)
			if err != nil {
				return err
			}
			dir, err := datadir.Open(data)
			if err != nil {
				return err
			}
			defer dir.Close()
			r, err := registry.New(registry.Config{DataDir: data, Listen: []string{address}, Log: log, ClusterID: dir.ClusterID,
				Compat: flags.Compat, UsersFile: flags.Users, CertFile: flags.Cert, KeyFile: flags.Key})
			if err != nil {
				return err
			}
			for _, url := range r.URLs() {
				fmt.Fprintf(cmd.OutOrStdout(), "registry  %s\n", url)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "data      %s\n", data)
			return r.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&data, "data", "typelog-data", "directory that holds everything; made if it is missing")
	cmd.Flags().StringVar(&address, "registry-addr", "localhost:8081", "address of the schema registry; localhost binds both loopbacks")
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	flags.add(cmd, "compat")
	cmd.AddCommand(newHashPasswordCommand())
	return cmd
}

func newHashPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash-password",
		Short: "Read a password from standard input and print its hash for --registry-users",
		Long: "Read a password, one line, from standard input and print its hash. A line of the file that --registry-users names\n" +
			"is NAME HASH RIGHT..., where a right is read, write (which includes read) or admin (which includes write), or one\n" +
			"of them for the subjects with a prefix, such as write:orders-.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in := cmd.InOrStdin()
			if f, ok := in.(*os.File); ok {
				if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
					fmt.Fprint(cmd.ErrOrStderr(), "Password (it will be seen): ")
				}
			}
			line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			hash, err := registry.HashPassword(strings.TrimRight(line, "\r\n"))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), hash)
			return nil
		},
	}
}
