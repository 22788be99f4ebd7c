package expect

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The Go types that CEL sees as something simpler.
var (
	timeType      = reflect.TypeFor[metav1.Time]()
	microTimeType = reflect.TypeFor[metav1.MicroTime]()
	durationType  = reflect.TypeFor[metav1.Duration]()
	quantityType  = reflect.TypeFor[resource.Quantity]()
	intOrString   = reflect.TypeFor[intstr.IntOrString]()
)

// celType is how CEL sees a Go type of the API.
func celType(t reflect.Type) *types.Type {
	switch t {
	case timeType, microTimeType:
		return types.TimestampType
	case durationType:
		return types.DurationType
	case quantityType:
		return types.DoubleType
	case intOrString:
		return types.DynType
	}
	switch t.Kind() {
	case reflect.Pointer:
		return celType(t.Elem())
	case reflect.String:
		return types.StringType
	case reflect.Bool:
		return types.BoolType
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.Uint8:
		return types.IntType
	case reflect.Float64, reflect.Float32:
		return types.DoubleType
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return types.BytesType
		}
		return types.NewListType(celType(t.Elem()))
	case reflect.Map:
		return types.NewMapType(types.StringType, celType(t.Elem()))
	case reflect.Struct:
		return types.NewObjectType(typeName(t), traits.FieldTesterType|traits.IndexerType)
	}
	return types.DynType
}

// typeName is a struct's name in messages: apps.v1.Deployment.
func typeName(t reflect.Type) string {
	version := path.Base(t.PkgPath())
	group := path.Base(path.Dir(t.PkgPath()))
	return group + "." + version + "." + t.Name()
}

// structure lists a struct's fields by their JSON names, those of inlined structs among them.
type structure struct {
	fields map[string][]int
	names  []string
}

// structures caches what reflection finds out; it depends on the types alone.
var structures sync.Map //sim:allow syncmap simulations side by side share it, and its content depends on nothing but the Go types

func structureOf(t reflect.Type) *structure {
	if known, ok := structures.Load(t); ok {
		return known.(*structure)
	}
	s := &structure{fields: map[string][]int{}}
	s.collect(t, nil)
	slices.Sort(s.names)
	structures.Store(t, s)
	return s
}

func (s *structure) collect(t reflect.Type, prefix []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		index := append(slices.Clone(prefix), i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (field.Anonymous || strings.Contains(options, "inline")):
			s.collect(field.Type, index)
		case name != "":
			s.fields[name] = index
			s.names = append(s.names, name)
		}
	}
}

// provider tells CEL's checker about the API's types.
type provider struct {
	types.Provider
	byName map[string]reflect.Type
}

// newProvider knows every struct that is reachable from the roots.
func newProvider(base types.Provider, roots []reflect.Type) *provider {
	p := &provider{Provider: base, byName: map[string]reflect.Type{}}
	for _, t := range roots {
		p.learn(t)
	}
	return p
}

func (p *provider) learn(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		p.learn(t.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	if celType(t).Kind() != types.StructKind || p.byName[typeName(t)] != nil {
		return
	}
	p.byName[typeName(t)] = t
	s := structureOf(t)
	for _, name := range s.names {
		p.learn(t.FieldByIndex(s.fields[name]).Type)
	}
}

func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if t, ok := p.byName[name]; ok {
		return types.NewTypeTypeWithParam(celType(t)), true
	}
	return p.Provider.FindStructType(name)
}

func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := p.byName[name]; ok {
		return structureOf(t).names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := p.byName[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, field)
	}
	index, ok := structureOf(t).fields[field]
	if !ok {
		return nil, false
	}
	return &types.FieldType{
		Type:    celType(t.FieldByIndex(index).Type),
		IsSet:   func(target any) bool { return isSet(fieldOf(reflect.ValueOf(target), index)) },
		GetFrom: func(target any) (any, error) { return toCEL(fieldOf(reflect.ValueOf(target), index)), nil },
	}, true
}

// fieldOf follows an index from a struct or a pointer to one; through nil it finds the zero value.
func fieldOf(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v = reflect.Zero(v.Type().Elem())
			} else {
				v = v.Elem()
			}
		}
		v = v.Field(i)
	}
	return v
}

func isSet(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	}
	return !v.IsZero()
}

// adapter turns Go values of the API into CEL values.
type adapter struct{}

func (adapter) NativeToValue(value any) ref.Val {
	if v, ok := value.(ref.Val); ok {
		return v
	}
	if value == nil {
		return types.NullValue
	}
	return toCEL(reflect.ValueOf(value))
}

func toCEL(v reflect.Value) ref.Val {
	switch v.Type() {
	case timeType:
		return timestamp(v.Interface().(metav1.Time).Time)
	case microTimeType:
		return timestamp(v.Interface().(metav1.MicroTime).Time)
	case durationType:
		return types.Duration{Duration: v.Interface().(metav1.Duration).Duration}
	case quantityType:
		q := v.Interface().(resource.Quantity)
		return types.Double(q.AsApproximateFloat64())
	case intOrString:
		x := v.Interface().(intstr.IntOrString)
		if x.Type == intstr.String {
			return types.String(x.StrVal)
		}
		return types.Int(x.IntVal)
	}
	switch v.Kind() {
	case reflect.Interface:
		return adapter{}.NativeToValue(v.Interface())
	case reflect.Pointer:
		if v.IsNil() {
			return toCEL(reflect.Zero(v.Type().Elem()))
		}
		if v.Elem().Kind() == reflect.Struct && celType(v.Elem().Type()).Kind() == types.StructKind {
			return object{v}
		}
		return toCEL(v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return timestamp(t)
		}
		return object{v}
	case reflect.String:
		return types.String(v.String())
	case reflect.Bool:
		return types.Bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if d, ok := v.Interface().(time.Duration); ok {
			return types.Duration{Duration: d}
		}
		return types.Int(v.Int())
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return types.Int(v.Uint())
	case reflect.Float32, reflect.Float64:
		return types.Double(v.Float())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return types.Bytes(v.Bytes())
		}
		return types.NewDynamicList(adapter{}, v.Interface())
	case reflect.Map:
		return types.NewDynamicMap(adapter{}, v.Interface())
	}
	return types.NewErr("a value of type %v has no form in CEL", v.Type())
}

func timestamp(t time.Time) ref.Val { return types.Timestamp{Time: t.UTC()} }

// object is an API struct as a CEL value.
type object struct {
	v reflect.Value
}

var (
	_ ref.Val            = object{}
	_ traits.Indexer     = object{}
	_ traits.FieldTester = object{}
)

func (o object) elem() reflect.Value {
	if o.v.Kind() == reflect.Pointer {
		return o.v.Elem()
	}
	return o.v
}

// ConvertToNative implements ref.Val.
func (o object) ConvertToNative(want reflect.Type) (any, error) {
	if o.v.Type().AssignableTo(want) {
		return o.v.Interface(), nil
	}
	return nil, fmt.Errorf("%s is not a %v", typeName(o.elem().Type()), want)
}

// ConvertToType implements ref.Val.
func (o object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.TypeType:
		return celType(o.elem().Type())
	}
	if t.TypeName() == o.Type().TypeName() {
		return o
	}
	return types.NewErr("type conversion error from %s to %s", o.Type().TypeName(), t.TypeName())
}

// Equal implements ref.Val.
func (o object) Equal(other ref.Val) ref.Val {
	that, ok := other.(object)
	return types.Bool(ok && reflect.DeepEqual(o.elem().Interface(), that.elem().Interface()))
}

// Type implements ref.Val.
func (o object) Type() ref.Type { return celType(o.elem().Type()) }

// Value implements ref.Val.
func (o object) Value() any { return o.v.Interface() }

// Get implements traits.Indexer.
func (o object) Get(index ref.Val) ref.Val {
	field, ok := o.field(index)
	if !ok {
		return types.NewErr("no such field: %s of %s", index, typeName(o.elem().Type()))
	}
	return toCEL(field)
}

// IsSet implements traits.FieldTester.
func (o object) IsSet(index ref.Val) ref.Val {
	field, ok := o.field(index)
	return types.Bool(ok && isSet(field))
}

func (o object) field(name ref.Val) (reflect.Value, bool) {
	text, ok := name.(types.String)
	if !ok {
		return reflect.Value{}, false
	}
	index, ok := structureOf(o.elem().Type()).fields[string(text)]
	if !ok {
		return reflect.Value{}, false
	}
	return fieldOf(o.v, index), true
}
