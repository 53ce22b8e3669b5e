# tcc: compiles and runs a program of some thousands of lines, from memory and as a file.
gawk 'BEGIN {
	print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <pthread.h>"
	for (i = 0; i < 3000; i++)
		printf "static unsigned f%d(unsigned x)\n{\n\treturn x * %du + %du;\n}\n", i, 2 * i + 1, i
	print "static unsigned (*const all[])(unsigned) = {"
	for (i = 0; i < 3000; i++) printf "f%d,\n", i
	print "};\nstatic void *work(void *n)\n{\n\tunsigned x = (long)n, i, k;"
	print "\tfor (k = 0; k < 20; k++)\n\t\tfor (i = 0; i < 3000; i++)"
	print "\t\t\tx = all[i](x) ^ x >> 7;"
	print "\tchar *copy = malloc(x % 100000 + 1);\n\tmemset(copy, 1, x % 100000 + 1);"
	print "\tfree(copy);\n\treturn (void *)(unsigned long)x;\n}"
	print "int main(int argc, char **argv)\n{\n\tpthread_t t[8];\n\tvoid *r;\n\tlong i;"
	print "\tfor (i = 0; i < 8; i++)\n\t\tpthread_create(t + i, 0, work, (void *)i);"
	print "\tfor (i = 0; i < 8; i++) {\n\t\tpthread_join(t[i], &r);"
	print "\t\tprintf(\"%ld %lx\\n\", i, (unsigned long)r);\n\t}\n\treturn argc + 40;\n}"
}' >program.c
wc -l <program.c
tcc -run program.c one
echo $?
tcc -o program program.c -lpthread && ./program >out
echo $?
md5sum out
tcc -c program.c && tcc -o again program.o -lpthread && ./again | cmp - out && echo same
printf 'int main(void) { return *(volatile int *)8; }\n' >bad.c
tcc -o bad bad.c
sh -c ./bad 2>/dev/null
echo $?
