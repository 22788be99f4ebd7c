package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// Analyzer reports what could make two runs of one seed differ.
var Analyzer = &analysis.Analyzer{
	Name:     "determinism",
	Doc:      "simulated code takes time, randomness and concurrency from the kernel only",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run:      run,
}

const module = "github.com/fauxkube/fauxkube/"

// simulated are the roots of what must be deterministic.
var simulated = []string{"sim", "cluster", "workloads", "scenarios"}

// hostSide are packages below those roots that run beside a simulation and not in it.
var hostSide = map[string]string{
	"sim/lockstep":       "drives child processes",
	"scenarios/parallel": "spreads whole simulations over the cores",
}

type checker struct {
	pass *analysis.Pass
	path string
	// excused maps file and line to the rules that a comment there lifts.
	excused map[string]map[int]map[string]bool
}

func run(pass *analysis.Pass) (any, error) {
	path := strings.TrimPrefix(pass.Pkg.Path(), module)
	root, _, _ := strings.Cut(path, "/")
	if !contains(simulated, root) || hostSide[path] != "" {
		return nil, nil
	}
	c := &checker{pass: pass, path: path, excused: map[string]map[int]map[string]bool{}}
	for _, file := range pass.Files {
		c.readExcuses(file)
	}
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	in.WithStack(nil, func(n ast.Node, push bool, stack []ast.Node) bool {
		if !push {
			return true
		}
		if file, ok := n.(*ast.File); ok {
			return !strings.HasSuffix(pass.Fset.Position(file.Pos()).Filename, "_test.go")
		}
		c.check(n, stack)
		return true
	})
	return nil, nil
}

// check is the table of contents of the rules.
func (c *checker) check(n ast.Node, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.ImportSpec:
		c.checkImport(n)
	case *ast.GoStmt:
		c.report(n, "goroutine", "go statement")
	case *ast.SelectStmt:
		c.report(n, "select", "select statement")
	case *ast.ChanType:
		c.report(n, "channel", "channel")
	case *ast.SendStmt:
		c.report(n, "channel", "channel send")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.report(n, "channel", "channel receive")
		}
	case *ast.RangeStmt:
		c.checkRange(n)
	case *ast.CallExpr:
		c.checkMapIterator(n, stack)
	case *ast.BasicLit:
		if n.Kind == token.STRING && strings.Contains(n.Value, "%p") {
			c.report(n, "pointer", "%p prints an address")
		}
	case *ast.BinaryExpr:
		c.checkFloat(n)
	case *ast.SelectorExpr:
		c.checkSelector(n)
	}
}

func (c *checker) checkImport(n *ast.ImportSpec) {
	path := strings.Trim(n.Path.Value, `"`)
	if rule := forbiddenImports[path]; rule != "" {
		c.report(n, rule, "import of "+path)
	}
}

func (c *checker) checkSelector(n *ast.SelectorExpr) {
	object := c.pass.TypesInfo.Uses[n.Sel]
	if object == nil || object.Pkg() == nil {
		return
	}
	pkg, name := object.Pkg().Path(), object.Name()
	if _, qualified := c.pass.TypesInfo.Selections[n]; qualified {
		c.checkTrueTime(n, pkg, name)
		return
	}
	switch {
	case pkg == "math/rand" || pkg == "math/rand/v2":
		if !seededRandom[name] {
			c.report(n, "random", pkg+"."+name+" draws from the global source")
		}
	case forbiddenCalls[pkg][name] != "":
		c.report(n, forbiddenCalls[pkg][name], pkg+"."+name)
	}
}

// checkTrueTime keeps the true virtual time from simulated programs.
func (c *checker) checkTrueTime(n *ast.SelectorExpr, pkg, name string) {
	if pkg != module+"sim" || name != "Now" || !strings.HasPrefix(c.path, "cluster/") {
		return
	}
	c.report(n, "truetime", "the simulation's true time")
}

func (c *checker) checkRange(n *ast.RangeStmt) {
	switch c.pass.TypesInfo.TypeOf(n.X).Underlying().(type) {
	case *types.Map:
		c.report(n, "maprange", "range over a map")
	case *types.Chan:
		c.report(n, "channel", "range over a channel")
	}
}

// checkMapIterator rejects maps.Keys, Values and All unless what takes them makes an order.
func (c *checker) checkMapIterator(n *ast.CallExpr, stack []ast.Node) {
	switch c.calledFunction(n) {
	case "maps.Keys", "maps.Values", "maps.All":
	default:
		return
	}
	if parent, ok := stack[len(stack)-2].(*ast.CallExpr); ok && ordered[c.calledFunction(parent)] {
		return
	}
	c.report(n, "maprange", "a map's iterator")
}

func (c *checker) calledFunction(n *ast.CallExpr) string {
	fun := n.Fun
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	object := c.pass.TypesInfo.Uses[selector.Sel]
	if object == nil || object.Pkg() == nil {
		return ""
	}
	return object.Pkg().Path() + "." + object.Name()
}

// checkFloat rejects a*b+c in floating point, which a compiler may fuse.
func (c *checker) checkFloat(n *ast.BinaryExpr) {
	if n.Op != token.ADD && n.Op != token.SUB {
		return
	}
	tv := c.pass.TypesInfo.Types[n]
	basic, ok := tv.Type.Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsFloat == 0 || tv.Value != nil {
		return
	}
	for _, side := range []ast.Expr{n.X, n.Y} {
		product, ok := ast.Unparen(side).(*ast.BinaryExpr)
		if ok && product.Op == token.MUL && c.pass.TypesInfo.Types[product].Value == nil {
			c.report(product, "fusedfloat", "a floating-point product is added unrounded")
		}
	}
}

func contains(list []string, item string) bool {
	for _, s := range list {
		if s == item {
			return true
		}
	}
	return false
}
