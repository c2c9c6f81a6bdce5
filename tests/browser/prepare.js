const { prepare } = await import("/js/picture.js");
const rgba = Uint8Array.from(atob(args.rgba), (letter) => letter.charCodeAt(0));
const prepared = prepare(rgba, args.width, args.height);
return prepared ? { ...prepared, image: [...prepared.image] } : null;
