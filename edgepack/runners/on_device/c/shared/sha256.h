/* SHA-256 of a file (FIPS 180-4). */
#ifndef EDGEPACK_SHA256_H
#define EDGEPACK_SHA256_H

/* Write 64 hexadecimal digits and a NUL; 0 on success, else errno is set. */
int sha256_file(const char *path, char digits[65]);

#endif
