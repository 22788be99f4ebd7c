package pointer

import "fmt"

func name(p *int) string { return fmt.Sprintf("at %p", p) } // want `pointer: %p prints an address`
