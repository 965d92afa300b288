package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

func newSchemaCheckCommand(c *registryClient) *cobra.Command {
	var source sourceFlags
	cmd := &cobra.Command{
		Use:   "check SUBJECT[:VERSION] FILE",
		Short: "Say whether a schema may follow, and if not, every reason with what would mend it",
		Long: "Ask whether the schema in FILE (- is standard input) may be the next version of SUBJECT under its compatibility\n" +
			"level. Every incompatibility with every version that the level looks at is printed, with what would mend it.\n" +
			"The exit status is 1 if there is any.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := source.read(cmd, args[1])
			if err != nil {
				return err
			}
			subject, version := splitSubject(args[0])
			path := "/compatibility" + subjectPath(subject) + "/versions"
			if version > 0 {
				path += "/" + strconv.Itoa(version)
			}
			var found struct {
				Compatible        bool      `json:"is_compatible"`
				Incompatibilities []problem `json:"incompatibilities"`
				Warnings          []problem `json:"warnings"`
				Messages          []string  `json:"messages"`
			}
			if err := c.ask(cmd.Context(), "POST", path+source.query()+"&verbose=true", s, &found); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			tell(out, "incompatible:", found.Incompatibilities)
			tell(out, "warning:", found.Warnings)
			if found.Compatible {
				fmt.Fprintf(out, "%s: compatible\n", args[0])
				return nil
			}
			if len(found.Incompatibilities) == 0 { // a registry that does not explain, or a rule beside the schemas
				for _, m := range found.Messages {
					fmt.Fprintln(out, m)
				}
			}
			return exitError{errors.New("incompatible")}
		},
	}
	source.add(cmd)
	return cmd
}

func newSchemaRegisterCommand(c *registryClient) *cobra.Command {
	var source sourceFlags
	cmd := &cobra.Command{
		Use:   "register SUBJECT FILE",
		Short: "Register a schema as the next version of a subject",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := source.read(cmd, args[1])
			if err != nil {
				return err
			}
			var done struct {
				ID       int       `json:"id"`
				Version  int       `json:"version"`
				Warnings []problem `json:"warnings"`
			}
			err = c.ask(cmd.Context(), "POST", subjectPath(args[0])+"/versions"+source.query(), s, &done)
			if said := (*refusal)(nil); errors.As(err, &said) && len(said.Incompatibilities) > 0 {
				tell(cmd.OutOrStdout(), "incompatible:", said.Incompatibilities)
				return fmt.Errorf("%s was not registered as %s: it is incompatible with an earlier version", args[1], args[0])
			}
			if err != nil {
				return err
			}
			tell(cmd.OutOrStdout(), "warning:", done.Warnings)
			if done.Version == 0 { // an older registry tells the id only
				fmt.Fprintf(cmd.OutOrStdout(), "%s  id %d\n", args[0], done.ID)
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s:%d  id %d\n", args[0], done.Version, done.ID)
			return nil
		},
	}
	source.add(cmd)
	return cmd
}

func newSchemaDeleteCommand(c *registryClient) *cobra.Command {
	var permanent bool
	cmd := &cobra.Command{
		Use:   "delete SUBJECT[:VERSION]",
		Short: "Delete a version or a whole subject, so that undelete can take it back",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject, version := splitSubject(args[0])
			path := subjectPath(subject)
			if version > 0 {
				path += "/versions/" + strconv.Itoa(version)
			}
			if permanent {
				path += "?permanent=true"
			}
			var numbers string
			if err := c.ask(cmd.Context(), "DELETE", path, nil, &numbers); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "deleted %s %s\n", subject, numbers)
			return nil
		},
	}
	cmd.Flags().BoolVar(&permanent, "permanent", false, "remove for good what was deleted before")
	return cmd
}

func newSchemaUndeleteCommand(c *registryClient) *cobra.Command {
	return &cobra.Command{
		Use:   "undelete SUBJECT[:VERSION]",
		Short: "Take a deletion back; without a version that of the newest deleted one",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var number int
			if err := c.ask(cmd.Context(), "POST", versionPath(args[0])+"/undelete", nil, &number); err != nil {
				return err
			}
			subject, _ := splitSubject(args[0])
			fmt.Fprintf(cmd.OutOrStdout(), "%s:%d is back\n", subject, number)
			return nil
		},
	}
}

func newSchemaLevelCommand(c *registryClient) *cobra.Command {
	return &cobra.Command{
		Use:   "level SUBJECT [LEVEL]",
		Short: "Print or set the compatibility level of a subject",
		Long: "Print or set the compatibility level of a subject: NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD,\n" +
			"FORWARD_TRANSITIVE, FULL or FULL_TRANSITIVE.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/config/" + url.PathEscape(args[0])
			var level struct{ CompatibilityLevel, Compatibility string }
			var err error
			if len(args) == 2 {
				err = c.ask(cmd.Context(), "PUT", path, map[string]string{"compatibility": args[1]}, &level)
			} else {
				err = c.ask(cmd.Context(), "GET", path+"?defaultToGlobal=true", nil, &level)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), level.CompatibilityLevel+level.Compatibility)
			return nil
		},
	}
}
