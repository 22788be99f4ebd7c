// Package tidy checks habits that keep the code readable: packages that tell what they are for, files of one concept,
// functions that fit a screen, nothing left for later.
package tidy

import (
	"go/ast"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports what is untidy.
var Analyzer = &analysis.Analyzer{
	Name: "tidy",
	Doc:  "packages say what they are for, files and functions stay short, nothing is left for later",
	Run:  run,
}

const (
	// maxFileLines and maxFunctionLines are what a file or function of simulated code may grow to before it is
	// usually two. Tests may be longer: tables are.
	maxFileLines     = 500
	maxFunctionLines = 70
)

func run(pass *analysis.Pass) (any, error) {
	for _, file := range pass.Files {
		if ast.IsGenerated(file) {
			continue
		}
		checkComments(pass, file)
		if !strings.HasSuffix(pass.Fset.Position(file.Pos()).Filename, "_test.go") {
			checkLengths(pass, file)
		}
	}
	checkPackage(pass)
	return nil, nil
}

// checkPackage wants a package comment in one of the files.
func checkPackage(pass *analysis.Pass) {
	for _, file := range pass.Files {
		if file.Doc != nil || strings.HasSuffix(pass.Fset.Position(file.Pos()).Filename, "_test.go") || ast.IsGenerated(file) {
			return
		}
	}
	if len(pass.Files) > 0 {
		pass.Reportf(pass.Files[0].Name.Pos(), "package %s does not say what it is for: give it a comment in doc.go", pass.Pkg.Name())
	}
}

var (
	leftForLater = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	// machinePath is a path that means something on one machine only.
	machinePath = regexp.MustCompile(`(^|[\s"'(=])/(home|root|Users|work|workspace)/\w`)
)

func checkComments(pass *analysis.Pass, file *ast.File) {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if word := leftForLater.FindString(comment.Text); word != "" {
				pass.Reportf(comment.Pos(), "%s: do it, or write an issue", word)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && machinePath.MatchString(literal.Value) {
			pass.Reportf(literal.Pos(), "a path of one machine")
		}
		return true
	})
}

func checkLengths(pass *analysis.Pass, file *ast.File) {
	if lines := pass.Fset.Position(file.FileEnd).Line; lines > maxFileLines {
		pass.Reportf(file.Name.Pos(), "%d lines: past %d a file is usually two concepts", lines, maxFileLines)
	}
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if lines := pass.Fset.Position(function.End()).Line - pass.Fset.Position(function.Pos()).Line + 1; lines > maxFunctionLines {
			pass.Reportf(function.Pos(), "%s has %d lines: past %d it does not fit a screen", function.Name.Name, lines, maxFunctionLines)
		}
	}
}
