module mcpwatch.test/live

go 1.17
