package expect

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// comparisons are the operators whose two sides are worth printing.
var comparisons = map[string]bool{
	operators.Equals: true, operators.NotEquals: true, operators.Less: true, operators.LessEquals: true,
	operators.Greater: true, operators.GreaterEquals: true, operators.In: true,
}

// operands compiles both sides of every comparison, and every call of get, that stands outside of a comprehension,
// whose variables an operand alone would not have.
func operands(env *cel.Env, checked *cel.Ast) (sides, objects []side) {
	seen := map[string]bool{}
	addText := func(to *[]side, text string) {
		if s, ok := compileOperand(env, text); ok && !seen[s.text] {
			seen[s.text] = true
			*to = append(*to, s)
		}
	}
	add := func(to *[]side, e ast.Expr) {
		if text, err := cel.ExprToString(e, checked.NativeRep().SourceInfo()); err == nil {
			addText(to, text)
		}
	}
	var walk func(e ast.Expr)
	walk = func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			walk(e.AsSelect().Operand())
			return
		case ast.ComprehensionKind:
			if text, ok := deciding(checked, e); ok {
				addText(&sides, text)
			}
			return
		case ast.CallKind:
		default:
			return
		}
		call := e.AsCall()
		if strings.HasPrefix(call.FunctionName(), "get@") {
			add(&objects, e)
			return
		}
		if call.IsMemberFunction() {
			walk(call.Target())
		}
		for _, argument := range call.Args() {
			if comparisons[call.FunctionName()] && argument.Kind() != ast.LiteralKind {
				add(&sides, argument)
			}
			walk(argument)
		}
	}
	walk(checked.NativeRep().Expr())
	return sides, objects
}

// deciding is the text of the elements that decide an all (those for which it is false) or an exists (those for which
// it is true).
func deciding(checked *cel.Ast, e ast.Expr) (string, bool) {
	info := checked.NativeRep().SourceInfo()
	macro, ok := info.GetMacroCall(e.ID())
	if !ok || macro.Kind() != ast.CallKind || !macro.AsCall().IsMemberFunction() || len(macro.AsCall().Args()) != 2 {
		return "", false
	}
	call := macro.AsCall()
	shape, ok := map[string]string{operators.All: "%s.filter(%s, !(%s))", operators.Exists: "%s.filter(%s, %s)"}[call.FunctionName()]
	if !ok {
		return "", false
	}
	var parts []any
	for _, part := range []ast.Expr{call.Target(), call.Args()[0], call.Args()[1]} {
		text, err := cel.ExprToString(part, info)
		if err != nil {
			return "", false
		}
		parts = append(parts, text)
	}
	return fmt.Sprintf(shape, parts...), true
}

func compileOperand(env *cel.Env, text string) (side, bool) {
	operand, issues := env.Compile(text)
	if issues.Err() != nil {
		return side{}, false
	}
	p, err := program(env, operand)
	if err != nil {
		return side{}, false
	}
	return side{text: text, program: p}, true
}

// Explain gives the value of each side of each comparison, a line each: what a failure prints.
func (p *Program) Explain(v View) []string {
	var lines []string
	for _, s := range p.sides {
		value, _, err := s.program.Eval(activation{v})
		if err != nil {
			lines = append(lines, fmt.Sprintf("%s: %v", s.text, err))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s is %s", s.text, render(value)))
	}
	return lines
}

// Objects gives the objects that the expression reads by name, a line each: what an evaluation error prints.
func (p *Program) Objects(v View) []string {
	var lines []string
	for _, o := range p.objects {
		if value, _, err := o.program.Eval(activation{v}); err == nil {
			lines = append(lines, fmt.Sprintf("%s is %s", o.text, render(value)))
		}
	}
	return lines
}

// longestValue bounds what is printed of a value.
const longestValue = 2000

// namedElements is how many elements of a list are named.
const namedElements = 5

// renderList gives a list's length, and the names of the first objects in it.
func renderList(v traits.Lister) string {
	text := fmt.Sprintf("a list of %v", v.Size().Value())
	var names []string
	more := false
	for it := v.Iterator(); it.HasNext() == types.True; {
		o, ok := it.Next().(object)
		if !ok {
			return text
		}
		named, ok := o.v.Interface().(api.Object)
		if !ok {
			return text
		}
		if more = len(names) == namedElements; more {
			break
		}
		names = append(names, api.KeyOf(named))
	}
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	if more {
		text += ", ..."
	}
	return text
}

func render(v ref.Val) string {
	text := fmt.Sprint(v.Value())
	switch v := v.(type) {
	case object:
		if data, err := json.Marshal(v.Value()); err == nil {
			text = string(data)
		}
	case traits.Lister:
		text = renderList(v)
	}
	if text == "" {
		text = `""`
	}
	if len(text) > longestValue {
		text = strings.ToValidUTF8(text[:longestValue], "") + "..."
	}
	return text
}
