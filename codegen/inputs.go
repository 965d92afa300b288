package codegen

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// input is a source with its schema.
type input struct {
	Source
	schema *schema.Schema
	needs  []*input // the inputs that define names this one uses, directly
	state  walkState
}

// parseInputs parses the sources, each after those that it refers to. It returns them in the order given.
func parseInputs(sources []Source) ([]*input, error) {
	inputs := make([]*input, len(sources))
	names := make([]schemaNames, len(sources))
	definedBy := map[string]*input{}
	for i, source := range sources {
		inputs[i] = &input{Source: source}
		names[i] = scanNames(source.Text)
		for _, name := range names[i].defined {
			if definedBy[name] == nil {
				definedBy[name] = inputs[i]
			}
		}
	}
	for i, in := range inputs {
		seen := map[*input]bool{in: true}
		for _, name := range names[i].foreign() {
			if by := definedBy[name]; by != nil && !seen[by] {
				seen[by] = true
				in.needs = append(in.needs, by)
			}
		}
	}
	var errs []error
	for _, in := range inputs {
		if err := in.parse(nil); err != nil {
			errs = append(errs, err)
		}
	}
	return inputs, errors.Join(errs...)
}

// parse parses in after everything that it needs. The path is the chain of inputs that asked for it.
func (in *input) parse(path []*input) error {
	switch in.state {
	case done:
		return nil
	case open:
		var chain []string
		for i, step := range path {
			if step == in {
				for _, s := range path[i:] {
					chain = append(chain, s.Path)
				}
				break
			}
		}
		return &Error{Path: in.Path, Message: fmt.Sprintf("these schemas refer to each other in a circle: %s -> %s; define the types of the circle in one file",
			strings.Join(chain, " -> "), in.Path)}
	}
	var references []*schema.Schema
	in.state = open
	defer func() { in.state = done }()
	for _, need := range in.needs {
		if err := need.parse(append(path, in)); err != nil {
			return err
		}
		if need.schema == nil {
			return nil // its own error says why
		}
		references = append(references, need.schema)
	}
	var err error
	in.schema, err = schema.Parse(in.Text, schema.WithReferences(references...))
	var fault *schema.ParseError
	if errors.As(err, &fault) {
		message := fault.Reason
		if strings.HasPrefix(message, "Undefined schema: ") {
			message += "; name the file that defines it, too"
		}
		return &Error{Path: in.Path, Pointer: fault.Pointer, Message: message}
	}
	return err
}

// schemaNames are the full names in a schema's text.
type schemaNames struct {
	defined []string
	used    []string
}

// foreign returns the names that are used and not defined.
func (n schemaNames) foreign() []string {
	own := map[string]bool{}
	for _, name := range n.defined {
		own[name] = true
	}
	var out []string
	for _, name := range n.used {
		if !own[name] {
			out = append(out, name)
		}
	}
	return out
}

// scanNames finds the names in a schema's text, to know in which order texts can be parsed. It judges nothing: what
// is no schema has no names, and the parser says what is wrong with it.
func scanNames(text string) schemaNames {
	var root any
	var names schemaNames
	if json.Unmarshal([]byte(text), &root) == nil {
		names.scan(root, "")
	}
	return names
}

func (n *schemaNames) scan(v any, namespace string) {
	switch v := v.(type) {
	case string:
		n.used = append(n.used, fullName(v, namespace))
	case []any:
		for _, branch := range v {
			n.scan(branch, namespace)
		}
	case map[string]any:
		switch v["type"] {
		case "record", "error", "enum", "fixed":
			n.define(v, namespace)
		case "array":
			n.scan(v["items"], namespace)
		case "map":
			n.scan(v["values"], namespace)
		default:
			n.scan(v["type"], namespace)
		}
	}
}

func (n *schemaNames) define(v map[string]any, namespace string) {
	name, _ := v["name"].(string)
	if ns, ok := v["namespace"].(string); ok {
		namespace = ns
	}
	full := fullName(name, namespace)
	n.defined = append(n.defined, full)
	namespace = full[:max(strings.LastIndexByte(full, '.'), 0)]
	fields, _ := v["fields"].([]any)
	for _, f := range fields {
		if f, ok := f.(map[string]any); ok {
			n.scan(f["type"], namespace)
		}
	}
}

// fullName qualifies a name as the specification's section "Names" says.
func fullName(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}
