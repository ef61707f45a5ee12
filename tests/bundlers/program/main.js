// The program of most tests.
import { Gate, init, inspect } from "@counterfoil/verify";
import { answer, print } from "./answer.js";

print(answer({ Gate, init, inspect }));
