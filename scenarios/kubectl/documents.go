package kubectl

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/scenarios/format"
)

// document is one document of a file: its text, and the line of the file on which that begins.
type document struct {
	text []byte
	line int
}

// documents splits a file at lines that begin with ---, leaving out documents without content.
func documents(data []byte) []document {
	var all []document
	current := document{line: 1}
	number := 0
	flush := func() {
		if hasContent(current.text) {
			all = append(all, current)
		}
		current = document{line: number + 1}
	}
	for line := range bytes.Lines(data) {
		number++
		if rest, ok := bytes.CutPrefix(line, []byte("---")); ok && (len(bytes.TrimSpace(rest)) == 0 || rest[0] == ' ' && bytes.HasPrefix(bytes.TrimSpace(rest), []byte("#"))) {
			flush()
			continue
		}
		current.text = append(current.text, line...)
	}
	flush()
	return all
}

// hasContent tells a document from white space and comments.
func hasContent(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && string(line) != "..." && string(line) != "null" {
			return true
		}
	}
	return false
}

// fieldNames find the field that a decoder's message is about.
var fieldNames = []*regexp.Regexp{
	regexp.MustCompile(`(?:unknown|duplicate) field "([^"]+)"`),
	regexp.MustCompile(`Go struct field \w+\.([\w.]+)`),
	regexp.MustCompile(`in (\w[\w.]*): `),
}

// problem is a decoder's error about a document, with the line of the field that it names.
func (d document) problem(path string, err error) error {
	what := strings.TrimPrefix(err.Error(), "strict decoding error: ")
	e := &format.Error{File: path, Line: d.firstLine(), What: what, Cause: err}
	var unknown *api.ErrNotServed
	if errors.As(err, &unknown) {
		e.Line = d.lineOf("kind", e.Line)
		return e
	}
	for _, expression := range fieldNames {
		if m := expression.FindStringSubmatch(what); m != nil {
			e.Line = d.lineOf(m[1], e.Line)
			break
		}
	}
	return e
}

// firstLine is the first line with content.
func (d document) firstLine() int {
	n := d.line
	for line := range bytes.Lines(d.text) {
		if hasContent(line) {
			break
		}
		n++
	}
	return n
}

// lineOf finds a field by its path, such as spec.template.spec.containers[0].image; otherwise where there is none.
func (d document) lineOf(path string, otherwise int) int {
	var root yaml.Node
	if yaml.Unmarshal(d.text, &root) != nil || len(root.Content) == 0 {
		return otherwise
	}
	n := root.Content[0]
	line := otherwise
	for part := range strings.SplitSeq(path, ".") {
		name, rest, _ := strings.Cut(part, "[")
		key, value := childOf(n, name)
		if key == nil {
			return line
		}
		line, n = d.line-1+key.Line, value
		if index, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); err == nil && n.Kind == yaml.SequenceNode && index < len(n.Content) {
			n = n.Content[index]
		}
	}
	return line
}

func childOf(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i], n.Content[i+1]
			}
		}
	}
	return nil, nil
}
