package determinism

import (
	"go/ast"
	"strings"
)

// wholeFile is the line under which the rules are kept that a comment above the package clause lifts everywhere.
const wholeFile = 0

// readExcuses collects the comments that lift a rule on their line and the one after, or, above the package clause,
// in the whole file.
func (c *checker) readExcuses(file *ast.File) {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			rule, reason, ok := excuse(comment.Text)
			if !ok {
				continue
			}
			if reason == "" || advice[rule] == "" {
				c.pass.Reportf(comment.Pos(), "write //sim:unordered <reason> or //sim:allow <rule> <reason>; this names no %s",
					map[bool]string{true: "reason", false: "rule"}[advice[rule] != ""])
				continue
			}
			at := c.pass.Fset.Position(comment.Pos())
			if c.excused[at.Filename] == nil {
				c.excused[at.Filename] = map[int]map[string]bool{}
			}
			lines := []int{at.Line, at.Line + 1}
			if comment.End() < file.Package {
				lines = []int{wholeFile}
			}
			for _, line := range lines {
				if c.excused[at.Filename][line] == nil {
					c.excused[at.Filename][line] = map[string]bool{}
				}
				c.excused[at.Filename][line][rule] = true
			}
		}
	}
}

func excuse(text string) (rule, reason string, ok bool) {
	if i := strings.LastIndex(text, "//"); i > 0 { // What follows is another remark, no reason.
		text = strings.TrimSpace(text[:i])
	}
	if rest, found := strings.CutPrefix(text, "//sim:unordered"); found {
		return "maprange", strings.TrimSpace(rest), true
	}
	if rest, found := strings.CutPrefix(text, "//sim:allow"); found {
		rule, reason, _ = strings.Cut(strings.TrimSpace(rest), " ")
		return rule, strings.TrimSpace(reason), true
	}
	return "", "", false
}

// report reports n unless a comment excuses it.
func (c *checker) report(n ast.Node, rule, what string) {
	at := c.pass.Fset.Position(n.Pos())
	if lines := c.excused[at.Filename]; !lines[at.Line][rule] && !lines[wholeFile][rule] {
		c.pass.Reportf(n.Pos(), "%s: %s: %s", rule, what, advice[rule])
	}
}
