package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func newSchemaListCommand(c *registryClient) *cobra.Command {
	var prefix string
	var deleted bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List subjects with their versions",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"subjectPrefix": {":*:" + prefix}, "deleted": {strconv.FormatBool(deleted)}}
			if strings.HasPrefix(prefix, ":.") {
				q.Set("subjectPrefix", prefix)
			}
			var list []struct {
				Subject string `json:"subject"`
				Version int    `json:"version"`
				ID      int    `json:"id"`
				Type    string `json:"schemaType"`
				Deleted bool   `json:"deleted"`
			}
			if err := c.ask(cmd.Context(), "GET", "/schemas?"+q.Encode(), nil, &list); err != nil {
				return err
			}
			for _, v := range list {
				note := ""
				if v.Type != "" && v.Type != "AVRO" {
					note = "  " + v.Type
				}
				if v.Deleted {
					note += "  deleted"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s:%d  id %d%s\n", v.Subject, v.Version, v.ID, note)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "only subjects whose names begin with this; :.context:PREFIX looks into one context")
	cmd.Flags().BoolVar(&deleted, "deleted", false, "softly deleted versions, too")
	return cmd
}

func newSchemaGetCommand(c *registryClient) *cobra.Command {
	var resolved, given bool
	cmd := &cobra.Command{
		Use:   "get SUBJECT[:VERSION]",
		Short: "Print a schema; without a version the latest",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := versionPath(args[0]) + "/schema"
			switch {
			case resolved:
				path += "?format=resolved"
			case given:
				path += "?format=given"
			}
			var text string
			if err := c.ask(cmd.Context(), "GET", path, nil, &text); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return nil
		},
	}
	cmd.Flags().BoolVar(&resolved, "resolved", false, "with the definitions of its references in it")
	cmd.Flags().BoolVar(&given, "given", false, "as its first client wrote it")
	cmd.MarkFlagsMutuallyExclusive("resolved", "given")
	return cmd
}

func newSchemaSearchCommand(c *registryClient) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "search WORD...",
		Short: "Find schemas by words in subjects, records, fields and docs",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var hits []struct {
				Subject string                              `json:"subject"`
				Version int                                 `json:"version"`
				Matches []struct{ Kind, Name, Text string } `json:"matches"`
			}
			q := url.Values{"q": {strings.Join(args, " ")}, "limit": {strconv.Itoa(limit)}}
			if err := c.ask(cmd.Context(), "GET", "/search?"+q.Encode(), nil, &hits); err != nil {
				return err
			}
			for _, h := range hits {
				fmt.Fprintf(cmd.OutOrStdout(), "%s:%d\n", h.Subject, h.Version)
				for _, m := range h.Matches {
					switch {
					case m.Kind == "subject":
					case m.Kind == "doc" || m.Kind == "symbol":
						fmt.Fprintf(cmd.OutOrStdout(), "  %s of %s: %s\n", m.Kind, m.Name, m.Text)
					default:
						fmt.Fprintf(cmd.OutOrStdout(), "  %s %s\n", m.Kind, m.Name)
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "how many schemas to print")
	return cmd
}

func newSchemaDiffCommand(c *registryClient) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "diff SUBJECT",
		Short: "Say how two versions differ and what it means for readers and writers",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			type effect struct {
				OK   bool
				Text string
			}
			var found struct {
				From, To          int
				Backward, Forward bool
				Differences       []struct {
					Kind, Name, Before, After string
					Readers, Writers          effect
				}
			}
			q := url.Values{}
			for name, v := range map[string]string{"from": from, "to": to} {
				if v != "" {
					q.Set(name, v)
				}
			}
			if err := c.ask(cmd.Context(), "GET", subjectPath(args[0])+"/diff?"+q.Encode(), nil, &found); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s, version %d to %d: backward compatible %t, forward compatible %t\n", args[0], found.From, found.To,
				found.Backward, found.Forward)
			mark := func(ok bool) string {
				if ok {
					return "ok"
				}
				return "NO"
			}
			for _, d := range found.Differences {
				fmt.Fprintf(out, "%s %s", d.Kind, d.Name)
				switch {
				case d.Before != "" && d.After != "":
					fmt.Fprintf(out, ": %s -> %s\n", d.Before, d.After)
				case d.Before+d.After != "":
					fmt.Fprintf(out, ": %s\n", d.Before+d.After)
				default:
					fmt.Fprintln(out)
				}
				fmt.Fprintf(out, "  readers %s: %s\n  writers %s: %s\n", mark(d.Readers.OK), d.Readers.Text, mark(d.Writers.OK), d.Writers.Text)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "older version; by default the one before")
	cmd.Flags().StringVar(&to, "to", "", "newer version; by default the latest")
	return cmd
}
