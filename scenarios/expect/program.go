package expect

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/decls"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// View is what an expression can see.
type View interface {
	// Get returns an object by its key, 'namespace/name' or 'name'.
	Get(r *api.Resource, key string) (api.Object, bool)
	// List returns objects sorted by key; namespace "" means all.
	List(r *api.Resource, namespace string, selector labels.Selector) []api.Object
	// Metric returns the sum of a metric's series that have the labels (their counts for histograms).
	Metric(name string, labels map[string]string) (float64, bool)
	// Now is the wall time.
	Now() time.Time
	// Since is the time since the end of a step, false before it.
	Since(step string) (time.Duration, bool)
}

// AbsentError says that an expression read something that is not there.
type AbsentError struct{ What string }

func (e *AbsentError) Error() string { return e.What }

// Program is a compiled expression.
type Program struct {
	// Text is the expression as written.
	Text string
	// Reads are the kinds that it reads, each once.
	Reads []*api.Resource
	// ReadsTime and ReadsMetrics say that its value may change without a commit.
	ReadsTime, ReadsMetrics bool
	// Steps are the steps that since refers to.
	Steps []string

	program cel.Program
	sides   []side
	// objects are the calls of get, for printing what they found.
	objects []side
	reaches []*reach
}

// side is one operand of a comparison, evaluated on its own to explain a failure.
type side struct {
	text    string
	program cel.Program
}

// environment is shared by all compilations: it depends on the served kinds only.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	var roots []reflect.Type
	options := []cel.EnvOption{
		cel.EnableMacroCallTracking(), // Explain quotes operands as they were written.
		cel.Variable("now", cel.TimestampType),
		cel.Variable("view@", cel.DynType),
		cel.Macros(
			cel.GlobalMacro("get", 2, kindMacro("get@")), cel.GlobalMacro("exists", 2, kindMacro("exists@")),
			cel.GlobalMacro("list", 3, kindMacro("list@")), cel.GlobalMacro("list", 2, kindMacro("list@")),
			cel.GlobalMacro("list", 1, kindMacro("list@")), cel.GlobalMacro("events", 0, eventsMacro),
			cel.GlobalMacro("since", 1, viewMacro("since@")), cel.GlobalMacro("metric", 1, viewMacro("metric@")),
			cel.GlobalMacro("metric", 2, viewMacro("metric@")),
		),
		ext.Strings(), ext.Math(), ext.Lists(), ext.Sets(),
	}
	for _, r := range api.Resources() {
		sample := reflect.TypeOf(r.New())
		roots = append(roots, sample)
		options = append(options, kindFunctions(r, celType(sample))...)
	}
	options = append(options, viewFunctions()...)
	options = append(options, cel.CustomTypeProvider(newProvider(registry, roots)), cel.CustomTypeAdapter(adapter{}))
	return cel.NewCustomEnv(append([]cel.EnvOption{cel.StdLib()}, options...)...)
})

// kindOf finds a kind by what people write: Pod, apps/v1/Deployment, deployments, deploy.
func kindOf(name string) *api.Resource {
	for _, r := range api.Resources() {
		if r == api.EventsV1 { // The same objects are served as core Events.
			continue
		}
		if name == r.Kind || name == strings.TrimPrefix(r.Group+"/"+r.Version+"/"+r.Kind, "/") {
			return r
		}
	}
	return api.ForName(name)
}

// kindMacro turns get('Pod', x) into get@pods(view@, x), so that the checker knows the type of what comes back.
func kindMacro(function string) cel.MacroFactory {
	return func(m cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		name := ""
		if args[0].Kind() == ast.LiteralKind {
			name, _ = args[0].AsLiteral().Value().(string)
		}
		r := kindOf(name)
		if r == nil {
			return nil, m.NewError(args[0].ID(), fmt.Sprintf("%q is not a kind that is served here: want a literal such as 'Pod'", name))
		}
		return m.NewCall(function+kindID(r), append([]ast.Expr{m.NewIdent("view@")}, args[1:]...)...), nil
	}
}

func eventsMacro(m cel.MacroExprFactory, _ ast.Expr, _ []ast.Expr) (ast.Expr, *common.Error) {
	return m.NewCall("list@"+kindID(api.Events), m.NewIdent("view@")), nil
}

func viewMacro(function string) cel.MacroFactory {
	return func(m cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		return m.NewCall(function, append([]ast.Expr{m.NewIdent("view@")}, args...)...), nil
	}
}

func kindID(r *api.Resource) string { return r.Name + "." + r.Group }

// kindFunctions are get, exists and list of one kind.
func kindFunctions(r *api.Resource, object *cel.Type) []cel.EnvOption {
	id := kindID(r)
	get := func(args ...ref.Val) ref.Val {
		key := string(args[1].(types.String))
		if o, ok := viewOf(args[0]).Get(r, key); ok {
			return adapter{}.NativeToValue(o)
		}
		return types.WrapErr(&AbsentError{What: fmt.Sprintf("%s %s does not exist", r.Kind, key)})
	}
	exists := func(args ...ref.Val) ref.Val {
		_, ok := viewOf(args[0]).Get(r, string(args[1].(types.String)))
		return types.Bool(ok)
	}
	list := func(args ...ref.Val) ref.Val { return listObjects(r, args) }
	overload := func(function string, n int, result *cel.Type, fn func(...ref.Val) ref.Val) cel.FunctionOpt {
		parameters := append([]*cel.Type{cel.DynType}, slices.Repeat([]*cel.Type{cel.StringType}, n)...)
		return cel.Overload(fmt.Sprintf("%s%s_%d", function, id, n), parameters, result, decls.FunctionBinding(fn))
	}
	return []cel.EnvOption{
		cel.Function("get@"+id, overload("get@", 1, object, get)),
		cel.Function("exists@"+id, overload("exists@", 1, cel.BoolType, exists)),
		cel.Function("list@"+id, overload("list@", 0, cel.ListType(object), list),
			overload("list@", 1, cel.ListType(object), list), overload("list@", 2, cel.ListType(object), list)),
	}
}

func listObjects(r *api.Resource, args []ref.Val) ref.Val {
	namespace, selector := "", labels.Everything()
	if len(args) > 1 {
		namespace = string(args[1].(types.String))
	}
	if len(args) > 2 {
		parsed, err := labels.Parse(string(args[2].(types.String)))
		if err != nil {
			return types.NewErr("the label selector %q: %v", args[2], err)
		}
		selector = parsed
	}
	return types.NewDynamicList(adapter{}, viewOf(args[0]).List(r, namespace, selector))
}

// viewFunctions are since, metric and quantity.
func viewFunctions() []cel.EnvOption {
	since := func(view, step ref.Val) ref.Val {
		d, ok := viewOf(view).Since(string(step.(types.String)))
		if !ok {
			return types.WrapErr(&AbsentError{What: fmt.Sprintf("step %s has not ended", step.Value())})
		}
		return types.Duration{Duration: d}
	}
	metric := func(args ...ref.Val) ref.Val {
		set := labels.Set{}
		if len(args) > 2 {
			parsed, err := labels.ConvertSelectorToLabelsMap(string(args[2].(types.String)))
			if err != nil {
				return types.NewErr("the labels %q: %v", args[2].Value(), err)
			}
			set = parsed
		}
		value, ok := viewOf(args[0]).Metric(string(args[1].(types.String)), set)
		if !ok {
			return types.WrapErr(&AbsentError{What: fmt.Sprintf("metric %s has no series yet", args[1].Value())})
		}
		return types.Double(value)
	}
	quantity := func(text ref.Val) ref.Val {
		q, err := resource.ParseQuantity(string(text.(types.String)))
		if err != nil {
			return types.NewErr("%q is not a quantity", text.Value())
		}
		return types.Double(q.AsApproximateFloat64())
	}
	return []cel.EnvOption{
		cel.Function("since@", cel.Overload("since@_step", []*cel.Type{cel.DynType, cel.StringType}, cel.DurationType, cel.BinaryBinding(since))),
		cel.Function("metric@",
			cel.Overload("metric@_1", []*cel.Type{cel.DynType, cel.StringType}, cel.DoubleType, cel.FunctionBinding(metric)),
			cel.Overload("metric@_2", []*cel.Type{cel.DynType, cel.StringType, cel.StringType}, cel.DoubleType, cel.FunctionBinding(metric))),
		cel.Function("quantity", cel.Overload("quantity_string", []*cel.Type{cel.StringType}, cel.DoubleType, cel.UnaryBinding(quantity))),
	}
}

// viewValue carries the View through CEL.
type viewValue struct {
	ref.Val
	view View
}

func viewOf(v ref.Val) View { return v.(viewValue).view }

// Compile checks an expression that must be true or false. The error says where in it and what would be right.
func Compile(text string) (*Program, error) {
	env, err := environment()
	if err != nil {
		panic(fmt.Sprintf("expect: the CEL environment does not build: %v", err))
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, celError(issues)
	}
	if checked.OutputType() != cel.BoolType && checked.OutputType() != cel.DynType {
		return nil, fmt.Errorf("the expression gives a %s: want true or false", checked.OutputType())
	}
	p := &Program{Text: text}
	p.inspect(checked.NativeRep().Expr())
	if p.program, err = program(env, checked); err != nil {
		return nil, err
	}
	p.sides, p.objects = operands(env, checked)
	return p, nil
}

func program(env *cel.Env, checked *cel.Ast) (cel.Program, error) {
	return env.Program(checked, cel.EvalOptions(cel.OptOptimize))
}

// celError is the first issue, with its place in the expression.
func celError(issues *cel.Issues) error {
	first := issues.Errors()[0]
	message := strings.ReplaceAll(first.Message, "(in container '')", "")
	return fmt.Errorf("column %d: %s", first.Location.Column()+1, strings.TrimSpace(message))
}

// inspect notes what the expression reads.
func (p *Program) inspect(e ast.Expr) {
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			p.ReadsTime = p.ReadsTime || e.AsIdent() == "now"
		case ast.CallKind:
			p.inspectCall(e.AsCall())
		}
	}))
}

func (p *Program) inspectCall(call ast.CallExpr) {
	function, id, _ := strings.Cut(call.FunctionName(), "@")
	switch function {
	case "get", "exists", "list":
		for _, r := range api.Resources() {
			if kindID(r) != id {
				continue
			}
			if !slices.Contains(p.Reads, r) {
				p.Reads = append(p.Reads, r)
			}
			p.noteReach(function, r, call.Args())
		}
	case "metric":
		p.ReadsMetrics = true
	case "since":
		p.ReadsTime = true
		if step := call.Args()[1]; step.Kind() == ast.LiteralKind {
			if name, ok := step.AsLiteral().Value().(string); ok {
				p.Steps = append(p.Steps, name)
			}
		}
	}
}

// Eval evaluates the expression. The error is an *AbsentError where something was not there.
func (p *Program) Eval(v View) (bool, error) {
	value, _, err := p.program.Eval(activation{v})
	if err != nil {
		var absent *AbsentError
		if errors.As(err, &absent) {
			return false, absent
		}
		return false, err
	}
	result, ok := value.Value().(bool)
	if !ok {
		return false, fmt.Errorf("the expression gave %v: want true or false", value.Value())
	}
	return result, nil
}

// activation resolves the two variables.
type activation struct{ view View }

var _ interpreter.Activation = activation{}

func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case "now":
		return types.Timestamp{Time: a.view.Now()}, true
	case "view@":
		return viewValue{Val: types.NullValue, view: a.view}, true
	}
	return nil, false
}

func (a activation) Parent() interpreter.Activation { return nil }
