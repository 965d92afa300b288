package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagsFromEnv sets every flag that was not given from TYPELOG_NAME, where that is set: dashes become underscores. A
// flag that may be repeated takes several values separated by spaces.
func flagsFromEnv(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		text, ok := os.LookupEnv(name)
		if !ok || f.Changed || err != nil || f.Name == "help" {
			return
		}
		values := []string{text}
		if f.Value.Type() == "stringArray" {
			values = strings.Fields(text)
		}
		for _, v := range values {
			if e := cmd.Flags().Set(f.Name, v); e != nil {
				err = fmt.Errorf("%s=%q: %w", name, text, e)
			}
		}
	})
	return err
}

// unknownEnv names the TYPELOG_ variables of an environment that are no flag of any command, sorted. Kubernetes gives every
// container variables for each service; those of a service named typelog are left out.
func unknownEnv(root *cobra.Command, environ []string) []string {
	known := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[envName(f.Name)] = true })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	var unknown []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, envPrefix) && !known[name] && !serviceLink.MatchString(name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

const envPrefix = "TYPELOG_"

var serviceLink = regexp.MustCompile(`^TYPELOG_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// oneArg wants exactly one argument and, unlike cobra's own, says which.
func oneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("want one %s, not %d: %s", name, len(args), cmd.UseLine())
		}
		return nil
	}
}

// onlyHolds is what a command does that only holds others: a word that is none of them is an error, not a page of help
// and status 0.
func onlyHolds(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q; '%s --help' lists those that there are", args[0], cmd.CommandPath())
	}
	return cmd.Help()
}

// clientFlags are the flags of commands that talk to a running typelog, or to any Kafka and registry.
type clientFlags struct {
	brokers  []string
	registry string
}

func (c *clientFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&c.brokers, "bootstrap-server", []string{"localhost:9092"}, "host:port of a broker; more, separated by commas")
	cmd.Flags().StringVar(&c.registry, "registry", "http://localhost:8081", "URL of the schema registry")
}
