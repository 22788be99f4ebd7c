package expect

import (
	"slices"

	"github.com/google/cel-go/common/ast"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// reach is what an expression reads of one kind: everything, or the objects and namespaces that it names literally.
type reach struct {
	resource   *api.Resource
	everything bool
	keys       []string
	namespaces []string
}

func (p *Program) reachOf(r *api.Resource) *reach {
	for _, known := range p.reaches {
		if known.resource == r {
			return known
		}
	}
	n := &reach{resource: r}
	p.reaches = append(p.reaches, n)
	return n
}

// noteReach takes over what one call of get, exists or list reads. The first argument is the view.
func (p *Program) noteReach(function string, r *api.Resource, args []ast.Expr) {
	n := p.reachOf(r)
	name, literal := "", false
	if len(args) > 1 && args[1].Kind() == ast.LiteralKind {
		name, literal = args[1].AsLiteral().Value().(string)
	}
	switch {
	case !literal || name == "":
		n.everything = true
	case function == "list":
		n.namespaces = append(n.namespaces, name)
	default:
		n.keys = append(n.keys, name)
	}
}

// Touches reports whether a change of the object can change what the expression gives. It may say so without need,
// never the other way round.
func (p *Program) Touches(r *api.Resource, key string) bool {
	for _, n := range p.reaches {
		if n.resource != r {
			continue
		}
		namespace, _ := api.SplitKey(key)
		return n.everything || slices.Contains(n.keys, key) || slices.Contains(n.namespaces, namespace)
	}
	return false
}
