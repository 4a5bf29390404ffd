package cli

import (
	"fmt"
	"html/template"
	"strings"
)

// diffPage is the page: one file, no script, nothing loaded from elsewhere. html/template escapes every text.
const diffPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Memory compared: {{range $i, $s := .Sides}}{{if $i}} → {{end}}{{$s.Name}}{{end}}</title>
<style>
:root { color-scheme: light dark; --line: #8884; --up: #b3541e; --down: #1a7f37; --faint: #777; }
@media (prefers-color-scheme: dark) { :root { --up: #f0883e; --down: #56d364; --faint: #999; } }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th { color: var(--faint); font-weight: normal; }
th:last-child, td:last-child { text-align: left; width: 100%; white-space: normal; overflow-wrap: anywhere; }
td { font-variant-numeric: tabular-nums; } code { font: 13px/1.5 ui-monospace, monospace; }
.up { color: var(--up); } .down { color: var(--down); } .faint { color: var(--faint); }
.warning { border-left: 3px solid var(--up); padding-left: .6rem; } summary { cursor: pointer; }
ol { margin: .3rem 0; padding-left: 1.5rem; }
</style>
</head>
<body>
<h1>Memory compared</h1>
{{$later := .Later}}<ul>
{{range .Sides}}<li>{{.Word}}: <code>{{.Name}}</code>{{with .Time}}, {{.}}{{end}}{{with .Program}}, <code>{{.}}</code>{{end -}}
{{if and $later (eq .Word "to")}}, {{$later}}{{end}}{{with .Note}}, “{{.}}”{{end}}</li>
{{end}}{{with .Filter}}<li>filter: <code>{{.}}</code></li>
{{end}}</ul>
{{range .Warnings}}<p class="warning">{{.}}</p>
{{end}}{{range .Lists}}<h2>{{.Title}}</h2>
{{with .Note}}<p class="faint">{{.}}</p>
{{end}}{{$columns := .Columns}}{{if .Rows}}<table>
<thead><tr>{{range .Columns}}<th>{{.Title}}</th>{{end}}</tr></thead>
<tbody>
{{range $row := .Rows}}<tr>{{range $i, $cell := .Cells}}{{$column := index $columns $i -}}
{{if last $i $columns}}<td>{{if $row.Stack}}<details><summary>{{template "name" (name $column $cell)}}</summary>
{{- with $row.Detail}}<p class="faint">{{.}}</p>{{end}}<ol>{{range $row.Stack}}<li><code>{{.Full}}</code></li>{{end}}</ol></details>
{{- else}}{{template "name" (name $column $cell)}}{{with $row.Detail}} <span class="faint">{{.}}</span>{{end}}{{end}}</td>
{{- else}}<td{{if not $i}} class="{{sign $row.Sign}}"{{end}}>{{$cell}}</td>{{end}}{{end}}</tr>
{{end}}</tbody>
</table>
{{end}}{{with .More}}<p class="faint">{{.}}</p>
{{end}}{{end}}</body>
</html>
{{define "name"}}{{if .Code}}<code>{{.Text}}</code>{{else}}{{.Text}}{{end}}{{end}}`

// diffHTML prints the report as a page of its own.
func diffHTML(r *diffReport) (string, error) {
	type named struct {
		Code bool
		Text string
	}
	page, err := template.New("page").Funcs(template.FuncMap{
		"last": func(i int, columns []diffColumn) bool { return i == len(columns)-1 },
		"name": func(c diffColumn, text string) named { return named{c.Code, text} },
		"sign": func(sign int) string { return [...]string{"down", "faint", "up"}[sign+1] },
	}).Parse(diffPage)
	if err != nil {
		return "", fmt.Errorf("read the page's template: %w", err)
	}
	var b strings.Builder
	if err := page.Execute(&b, r); err != nil {
		return "", fmt.Errorf("write the page: %w", err)
	}
	return b.String(), nil
}
