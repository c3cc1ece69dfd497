module naysayer.example

go 1.19
