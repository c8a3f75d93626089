// Runs the examples of a client at once and prints what each gave, or how it failed.

export async function runExamples(examples) {
  const results = Object.entries(examples).map(async ([name, run]) => {
    try {
      return [name, { gave: await run() }];
    } catch (error) {
      return [name, { error: `${error.stack}\n${JSON.stringify(error)}` }];
    }
  });
  console.log(JSON.stringify(Object.fromEntries(await Promise.all(results))));
}
