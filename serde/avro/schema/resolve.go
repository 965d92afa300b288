package schema

// resolve puts the types that the text defines later in the places where it uses them before, and repeats the checks
// that depended on them.
func (p *parser) resolve(s *Schema) error {
	for _, ref := range p.references {
		s.all = append(s.all, ref.all...)
	}
	s.all = append(s.all, p.complete...)
	for _, use := range p.open {
		t := p.lookup(use.name)
		if t == nil {
			return faultAt(use.pointer, "Undefined schema: %s", use.name)
		}
		*use.at = t
	}
	if !printable(s.root, 1, map[*Type]bool{}) {
		return faultAt("", "the schema is nested more than %d deep", MaxDepth)
	}
	clear(p.checks.known) // what was found when types were missing
	second := secondPass{parser: p, seen: map[*Type]bool{}}
	for _, t := range p.complete {
		if err := second.visit(t); err != nil {
			return err
		}
	}
	if err := second.visit(s.root); err != nil {
		return err
	}
	s.named = map[string]*Type{}
	s.root.Walk(func(t *Type) bool {
		if t.Kind.Named() {
			s.named[t.FullName()] = t
		}
		return true
	})
	return nil
}

// printable reports whether a type's definition, with every named type defined at its first use, nests no deeper than
// Parse accepts. Uses before definitions can chain types deeper than the text shows.
func printable(t *Type, depth int, seen map[*Type]bool) bool {
	if depth > MaxDepth {
		return false
	}
	switch t.Kind {
	case Record:
		if seen[t] {
			return true
		}
		seen[t] = true
		for _, f := range t.Fields {
			if !printable(f.Type, depth+3, seen) { // the record, its fields, the field
				return false
			}
		}
	case Array, Map:
		return printable(t.Items, depth+1, seen)
	case Union:
		for _, branch := range t.Branches {
			if !printable(branch, depth+1, seen) {
				return false
			}
		}
	}
	return true
}

// secondPass goes through the resolved types depth first. It checks unions for branches that turned out to be the
// same, and defaults against types that were unknown before, each record after the types of its fields: the order
// decides, as in Avro Java, which records a default may rely on.
type secondPass struct {
	parser *parser
	seen   map[*Type]bool
}

func (s *secondPass) visit(t *Type) error {
	if s.seen[t] {
		return nil
	}
	s.seen[t] = true
	switch t.Kind {
	case Array, Map:
		return s.visit(t.Items)
	case Union:
		for _, branch := range t.Branches {
			if err := s.visit(branch); err != nil {
				return err
			}
		}
		return checkBranches(t, &Value{Kind: JSONString, Text: "union"})
	case Record:
		if s.parser.old[t.FullName()] == t {
			return nil
		}
		building := s.parser.checks.building
		building[t] = true
		for _, f := range t.Fields {
			if err := s.visit(f.Type); err != nil {
				return err
			}
		}
		for _, f := range t.Fields {
			if !f.HasDefault || s.parser.lenient {
				continue
			}
			if err := s.parser.checkDefault(f); err != nil {
				return err
			}
		}
		delete(building, t)
	}
	return nil
}
